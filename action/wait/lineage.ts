import type { GitLabProjects } from '../../core/model/gitlab-projects.ts';

/** A walk over parents ends there: whoever is that far apart is said to be unknown. */
const MOST_STEPS = 200;

/** Whether commits contain others, as GitLab knows it; remembered, because that never changes. */
export class Lineage {
  readonly #gitlab: Pick<GitLabProjects, 'mergeBase' | 'commit'>;
  readonly #project: string;
  readonly #known = new Map<string, boolean>();

  constructor(gitlab: Pick<GitLabProjects, 'mergeBase' | 'commit'>, project: string) {
    this.#gitlab = gitlab;
    this.#project = project;
  }

  /** Undefined where it can't be told now. */
  async contains(newer: string, older: string): Promise<boolean | undefined> {
    if (newer === older) return true;
    const key = `${newer} ${older}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const base = await this.#gitlab.mergeBase(this.#project, older, newer);
    // A job token may not ask for merge bases, but for commits.
    const found = base.ok ? base.value === older : await this.#walk(newer, older);
    if (found !== undefined) this.#known.set(key, found);
    return found;
  }

  async #walk(newer: string, older: string): Promise<boolean | undefined> {
    const oldest = await this.#gitlab.commit(this.#project, older);
    if (!oldest.ok || !oldest.value) return undefined;
    const since = Date.parse(oldest.value.committedAt);
    const seen = new Set([newer]);
    const queue = [newer];
    for (let step = 0; queue.length > 0; step += 1) {
      if (step === MOST_STEPS) return undefined;
      const id = queue.shift()!;
      if (id === older) return true;
      const commit = await this.#gitlab.commit(this.#project, id);
      if (!commit.ok || !commit.value) return undefined;
      // A day's grace for clocks that were wrong.
      if (Date.parse(commit.value.committedAt) < since - 86_400_000) continue;
      for (const parent of commit.value.parents) {
        if (seen.has(parent)) continue;
        seen.add(parent);
        queue.push(parent);
      }
    }
    return false;
  }
}
