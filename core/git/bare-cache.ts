import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RevisionTree } from '../model/file-tree.ts';
import { ProblemError } from '../model/problem.ts';
import type { Attempt, Fetched, SourceFailure } from '../model/source.ts';
import { CacheDirectory, type CacheDirectoryOptions, type ObjectFormat } from './cache-directory.ts';
import { fetchEnvironment, REMOTE, readingEnvironment, writeTrustFile } from './cache-environment.ts';
import { KEPT_REFS, keeps, measurePacks } from './cache-files.ts';
import { runOnCache } from './cache-process.ts';
import type { Connections } from './connections.ts';
import { type Deadline, startDeadline } from './deadline.ts';
import { fetchFailure, lastWords } from './fetch-failure.ts';
import { clearLeftovers } from './leftovers.ts';
import { type Context, cacheFailure, SourceError } from './remote-failure.ts';
import { quoteForeign } from './repository-url.ts';
import { openRevisionTree } from './revision-tree.ts';
import type { GitResult } from './run-git.ts';
import { OBJECT_ID } from './wanted-commit.ts';

export interface BareCacheOptions extends CacheDirectoryOptions {
  connections: Connections;
}

/** What a shell says of a program that it does not find (POSIX). */
const NO_PROGRAM = 127;
const NO_GIT: SourceFailure = {
  code: 'GitFailed',
  message: 'reading repositories needs the git program, which is not on PATH',
  hint: 'install git',
};
/** A tag of a file, say: git takes no such thing for a branch. */
const NO_COMMIT = /^error: .*non-commit object/m;
/** How often a fetch is measured while it comes, in ms. */
const WATCH_EVERY = 100;

/**
 * A bare repository with the commits of one remote that are of use: every fetch is shallow, of exactly one commit,
 * and moves only what the commits before it don't have. It may be lost or damaged at any time: it is made again.
 */
export class BareCache {
  readonly #options: BareCacheOptions;
  readonly #cache: CacheDirectory;
  /** How often each commit is open. */
  readonly #open = new Map<string, number>();
  #prepared = false;
  /** Something could not be read that should be there. */
  #suspect = false;
  /** Files that were left out for their size, or so it seems: a lost pack looks the same. */
  readonly #leftOut = new Set<string>();
  /** Whether a cache that was fetched at once has to show which of the two it is. */
  #renew = false;

  constructor(options: BareCacheOptions) {
    this.#options = options;
    this.#cache = new CacheDirectory(options);
  }

  async fetch(commit: string, signal: AbortSignal): Promise<Attempt<Fetched>> {
    if (!OBJECT_ID.test(commit))
      return failed('CommitMissing', `${JSON.stringify(commit)} is not a commit id`);
    if (this.#prepared && !this.#suspect && !this.#renew && (await keeps(this.#cache.path, commit)))
      return { ok: true, bytes: 0 };
    using limit = startDeadline(signal, this.#options.limits.fetchTime);
    try {
      await using _lock = await this.#cache.lock(limit.signal);
      await this.#prepare(commit, limit.signal);
      if (await keeps(this.#cache.path, commit)) return { ok: true, bytes: 0 };
      const bytes = await this.#fetch(commit, limit);
      const tidied = await this.#cache.tidy(new Set(this.#open.keys()), limit.signal);
      this.#suspect ||= !tidied;
      return { ok: true, bytes };
    } catch (error) {
      signal.throwIfAborted();
      return { ok: false, failure: cacheFailure(error, commit) };
    }
  }

  /** Fetches the commit too where it is not there, or no longer whole. */
  async open(commit: string, signal: AbortSignal): Promise<Attempt<{ tree: RevisionTree }>> {
    for (let attempt = 1; ; attempt += 1) {
      const fetched = await this.fetch(commit, signal);
      if (!fetched.ok) return fetched;
      try {
        return { ok: true, tree: await this.#openTree(commit, signal) };
      } catch (error) {
        signal.throwIfAborted();
        const problem = error instanceof ProblemError ? error.problems[0] : undefined;
        if (!problem) throw error;
        if (problem.code === 'TooLarge') return { ok: false, failure: problem as SourceFailure };
        this.#suspect = true;
        if (attempt === 2) return failed('Damaged', `the Git cache can't be read: ${problem.message}`);
      }
    }
  }

  async #openTree(commit: string, signal: AbortSignal): Promise<RevisionTree> {
    const { limits } = this.#options;
    const tree = await openRevisionTree({
      cwd: this.#cache.path,
      gitDir: this.#cache.path,
      env: readingEnvironment(this.#cache.environment),
      signal,
      commit,
      revision: commit.slice(0, 12),
      inTree: (path) => path,
      limits: { ...limits, onLeftOut: (oid) => this.#doubt(oid) },
    });
    this.#open.set(commit, (this.#open.get(commit) ?? 0) + 1);
    const watched = async <T>(reading: Promise<T>): Promise<T> => {
      try {
        return await reading;
      } catch (error) {
        if (error instanceof ProblemError && error.problems[0]?.code === 'GitFailed') this.#suspect = true;
        throw error;
      }
    };
    return {
      ...tree,
      read: (path, maxBytes) => watched(tree.read(path, maxBytes)),
      checkOut: (path, use) => watched(tree.checkOut(path, use)),
      close: async () => {
        await tree.close();
        const rest = (this.#open.get(commit) ?? 1) - 1;
        if (rest > 0) this.#open.set(commit, rest);
        else this.#open.delete(commit);
      },
    };
  }

  #doubt(oid: string): void {
    this.#renew ||= !this.#leftOut.has(oid);
    this.#leftOut.add(oid);
  }

  /** Once for each program, and where something seems broken: the cache is there, whole and of the right kind. */
  async #prepare(commit: string, signal: AbortSignal): Promise<void> {
    const format = formatOf(commit);
    if (!this.#prepared) await this.#cache.clear();
    const sound = (await this.#cache.format(signal)) === format;
    const usable = sound && !this.#renew && !(this.#suspect && !(await this.#cache.isSound(signal)));
    if (!usable) await this.#cache.create(format);
    this.#prepared = true;
    this.#suspect = false;
    this.#renew = false;
  }

  /** Returns the bytes that came. A cache that is to blame for a failure is made again, once. */
  async #fetch(commit: string, limit: Deadline): Promise<number> {
    const { limits } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const before = (await measurePacks(this.#cache.path)).bytes;
      const { result, context } = await this.#runFetch(commit, before, limit);
      if (result.code === 0 && (await keeps(this.#cache.path, commit))) {
        const bytes = (await measurePacks(this.#cache.path)).bytes - before;
        if (bytes <= limits.packBytes) return bytes;
        // It came between two looks. Without its ref, the next tidying takes it away.
        await rm(join(this.#cache.path, KEPT_REFS, commit), { force: true });
        throw new SourceError(packTooLarge(commit, limits.packBytes));
      }
      if (result.code === NO_PROGRAM) throw new SourceError(NO_GIT);
      if (NO_COMMIT.test(result.stderr))
        throw new SourceError(noCommit(commit, await this.#cache.typeOf(commit, limit.signal)));
      const failure = fetchFailure(result.stderr, commit, context);
      // What was interrupted may have left its locks.
      await clearLeftovers(this.#cache.path);
      if (failure?.code === 'Moved') this.#options.remote.forget();
      if (failure) throw new SourceError(failure);
      const locked = /Unable to create '.*\.lock'/.test(result.stderr);
      if (locked && attempt === 1) continue;
      if (attempt === 2 || (await this.#cache.isSound(limit.signal))) {
        const said = quoteForeign(lastWords(result.stderr), context.credential);
        throw new SourceError({ code: 'GitFailed', message: `git fetch failed: ${said}` });
      }
      await this.#cache.create(formatOf(commit));
    }
  }

  async #runFetch(
    commit: string,
    before: number,
    limit: Deadline,
  ): Promise<{ result: GitResult; context: Context }> {
    const { directory, connections, limits, remote } = this.#options;
    const credential = await remote.credential();
    const trustFile = await writeTrustFile(directory, connections.trusted);
    // Progress makes git notice that nobody listens any more, and end.
    const options = ['--depth=1', '--no-tags', '--no-write-fetch-head', '--progress'];
    const watch = setInterval(async () => {
      if ((await measurePacks(this.#cache.path)).bytes - before > limits.packBytes)
        limit.abort(new SourceError(packTooLarge(commit, limits.packBytes)));
    }, WATCH_EVERY);
    try {
      const result = await runOnCache(
        ['fetch', ...options, REMOTE, `+${commit}:${KEPT_REFS}/${commit}`],
        this.#cache.process(
          fetchEnvironment(this.#cache.environment, connections, credential, trustFile),
          limit.signal,
        ),
      );
      return { result, context: { url: remote.url, credential } };
    } catch (error) {
      await clearLeftovers(this.#cache.path);
      throw error;
    } finally {
      clearInterval(watch);
    }
  }
}

function formatOf(commit: string): ObjectFormat {
  return commit.length === 64 ? 'sha256' : 'sha1';
}

function packTooLarge(commit: string, limit: number): SourceFailure {
  const size = `${Math.round(limit / 2 ** 20)} MiB`;
  return {
    code: 'TooLarge',
    message: `commit ${commit.slice(0, 12)} brings more than ${size} of packed files`,
    hint: 'keep manifests in a repository of their own, or allow more',
  };
}

function noCommit(id: string, type: string): SourceFailure {
  const message = `${id.slice(0, 12)} is not a commit but a ${type}`;
  return { code: 'CommitMissing', message, hint: 'a tag that is followed has to be of a commit' };
}

function failed(code: SourceFailure['code'], message: string): Attempt<never> {
  return { ok: false, failure: { code, message } };
}
