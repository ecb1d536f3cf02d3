import type { RevisionSource } from '../model/source.ts';
import { RepositoryWatch, type RepositoryWatchOptions } from './repository-watch.ts';

export interface RepositoriesOptions extends Omit<RepositoryWatchOptions, 'source'> {
  open: (url: string) => RevisionSource;
}

/** One watch for each repository, whoever follows it: entries that share one cost one request a poll. */
export class Repositories {
  readonly #options: RepositoriesOptions;
  readonly #watches = new Map<string, RepositoryWatch>();

  constructor(options: RepositoriesOptions) {
    this.#options = options;
  }

  watch(url: string): RepositoryWatch {
    const key = url.replace(/\/+$/, '').replace(/\.git$/, '');
    const found = this.#watches.get(key);
    if (found) return found;
    const { open, log, ...options } = this.#options;
    const watch = new RepositoryWatch({ ...options, log: log.with({ repository: key }), source: open(url) });
    this.#watches.set(key, watch);
    return watch;
  }

  /** Asks all of them now, or those of one project: `group/project`. */
  poke(project?: string): void {
    for (const [url, watch] of this.#watches)
      if (project === undefined || url.toLowerCase().endsWith(`/${project.toLowerCase()}`)) watch.poke();
  }
}
