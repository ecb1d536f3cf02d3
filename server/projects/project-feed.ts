import { Code, ConnectError } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import { RepositoryWatch } from '../../core/follow/repository-watch.ts';
import { ObjectsToSynchronizeResponseSchema } from '../../core/grpc/generated/gitops_pb.ts';
import type { RevisionTree } from '../../core/model/file-tree.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { RevisionSource } from '../../core/model/source.ts';
import type { GitopsLimits } from '../configuration/server-config.ts';
import { type PreparedMessages, prepareMessages } from '../transport/prepared-messages.ts';
import { readBatch, type Wanted } from './batch.ts';
import { messagesOf } from './batch-messages.ts';
import { sourceError } from './failures.ts';
import { Shared } from './shared.ts';

export interface ProjectFeedOptions {
  source: RevisionSource;
  /** Full path. */
  project: string;
  /** Between two polls, in ms. */
  interval: number;
  limits: GitopsLimits;
  random: () => number;
  log: Log;
  onPoll: (result: string) => void;
}

/** How long a revision, or what was read of it, waits for the next one who wants it, in ms. */
const KEPT = 15_000;

/** One project for all agents that follow it: one poll, each commit fetched once, each batch read once. */
export class ProjectFeed {
  readonly project: string;
  readonly watch: RepositoryWatch;
  readonly #options: ProjectFeedOptions;
  readonly #ending = new AbortController();
  readonly #trees = new Shared<Promise<RevisionTree>>(KEPT, (tree) => {
    tree.then((open) => open.close()).catch(() => {});
  });
  readonly #batches = new Shared<Promise<PreparedMessages>>(KEPT, () => {});

  constructor(options: ProjectFeedOptions) {
    this.#options = options;
    this.project = options.project;
    const { source, interval, random, log, onPoll } = options;
    this.watch = new RepositoryWatch({
      source,
      interval,
      freshness: interval,
      signal: this.#ending.signal,
      random,
      log,
      onPoll,
    });
  }

  /** Runs `use` on the files of a commit. Rejects with ConnectError where they can't be had. */
  async withTree<T>(commit: string, use: (tree: RevisionTree) => Promise<T>): Promise<T> {
    using lease = this.#trees.lease(commit, () => this.#open(commit));
    try {
      return await use(await lease.value);
    } catch (error) {
      // What is wrong with the files of a commit does not change; what went wrong in reading them may.
      if (!isLasting(error)) this.#trees.forget(commit, lease.value);
      throw error;
    }
  }

  /** The messages of a batch, between header and trailer; the same for all who want the same. */
  async batch(commit: string, wanted: Wanted): Promise<PreparedMessages> {
    const key = `${commit} ${JSON.stringify(wanted)}`;
    using lease = this.#batches.lease(key, () => this.#read(commit, wanted));
    try {
      return await lease.value;
    } catch (error) {
      if (!isLasting(error)) this.#batches.forget(key, lease.value);
      throw error;
    }
  }

  /** Nobody follows it any more. */
  end(): void {
    this.#ending.abort(new Error('nobody follows the project'));
    this.#batches.clear();
    this.#trees.clear();
  }

  async #read(commit: string, wanted: Wanted): Promise<PreparedMessages> {
    const { limits } = this.#options;
    return this.withTree(commit, async (tree) =>
      prepareMessages(
        ObjectsToSynchronizeResponseSchema,
        messagesOf(await readBatch(tree, wanted, limits, this.#ending.signal)),
      ),
    );
  }

  async #open(commit: string): Promise<RevisionTree> {
    const { source, project } = this.#options;
    const opened = await source.open(commit, this.#ending.signal).catch((error: unknown) => {
      const [problem] = error instanceof ProblemError ? error.problems : [];
      if (problem) return { ok: false as const, failure: { ...problem, code: 'GitFailed' as const } };
      throw error;
    });
    if (opened.ok) return opened.tree;
    throw sourceError(`project ${project}`, opened.failure);
  }
}

function isLasting(error: unknown): boolean {
  return ConnectError.from(error).code === Code.FailedPrecondition;
}
