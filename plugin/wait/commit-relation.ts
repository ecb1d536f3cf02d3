import { isAncestor } from '../../core/git/person-repository.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { Io } from '../io.ts';
import { openPersonRepository } from '../repositories/open-person-repository.ts';

/** How a revision stands to a commit. `diverged`: neither contains the other. */
export type Relation = 'same' | 'contains' | 'older' | 'diverged' | 'unknown';

/**
 * Tells how revisions stand to one commit: asked of the clone in the working directory, else of the repository with
 * the person's own credentials. Each revision is asked for once; until the answer is there it is `undefined`.
 */
export class CommitRelations {
  readonly #commit: string;
  readonly #url: string | undefined;
  readonly #io: Io;
  readonly #known = new Map<string, Relation | undefined>();
  /** Why it could not be told, the last time. */
  trouble: string | undefined;

  constructor(commit: string, url: string | undefined, io: Io) {
    this.#commit = commit;
    this.#url = url;
    this.#io = io;
  }

  of(revision: string): Relation | undefined {
    if (revision.startsWith(this.#commit)) return 'same';
    if (!this.#known.has(revision)) {
      this.#known.set(revision, undefined);
      this.#ask(revision).then(
        (relation) => this.#known.set(revision, relation),
        () => this.#known.set(revision, 'unknown'),
      );
    }
    return this.#known.get(revision);
  }

  async #ask(revision: string): Promise<Relation> {
    const { cwd, env, signal } = this.#io;
    const here = await this.#compare(revision, (a, b) => isAncestor(a, b, { cwd, env, signal }));
    if (here !== 'unknown' || this.#url === undefined) return here;
    try {
      const repository = openPersonRepository(this.#url, this.#io);
      return await this.#compare(revision, (a, b) => repository.isAncestor(a, b));
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.trouble = error.message;
      return 'unknown';
    }
  }

  async #compare(
    revision: string,
    isBefore: (commit: string, of: string) => Promise<boolean | undefined>,
  ): Promise<Relation> {
    const contains = await isBefore(this.#commit, revision);
    if (contains === undefined) return 'unknown';
    if (contains) return 'contains';
    return (await isBefore(revision, this.#commit)) ? 'older' : 'diverged';
  }
}
