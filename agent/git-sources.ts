import { Repositories, type RepositoriesOptions } from '../core/follow/repositories.ts';
import type { Sources } from './sources.ts';

export interface GitSourcesOptions extends RepositoriesOptions {
  /** Where the configuration project is cloned from. */
  configurationUrl: string;
}

/** Repositories that are read with Git, each polled once. */
export function gitSources({ configurationUrl, ...options }: GitSourcesOptions): Sources {
  const repositories = new Repositories(options);
  return {
    configuration: repositories.watch(configurationUrl).revision(undefined),
    entry: ({ repository, ref }) => repositories.watch(repository.url).revision(ref),
    poke: (project) => repositories.poke(project),
  };
}
