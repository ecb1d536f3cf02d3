import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RevisionTree } from '../model/file-tree.ts';
import { ProblemError } from '../model/problem.ts';
import type { Attempt, Fetched, SourceFailure } from '../model/source.ts';
import {
  type CacheEnvironmentOptions,
  fetchEnvironment,
  housekeepingEnvironment,
  REMOTE,
  readingEnvironment,
  writeTrustFile,
} from './cache-environment.ts';
import { KEPT_REFS, keeps, measurePacks } from './cache-files.ts';
import { lockCache } from './cache-lock.ts';
import { runOnCache } from './cache-process.ts';
import type { Connections, Environment } from './connections.ts';
import { type Deadline, startDeadline } from './deadline.ts';
import { fetchFailure, lastWords } from './fetch-failure.ts';
import { isSound, tidy } from './housekeeping.ts';
import { clearLeftovers } from './leftovers.ts';
import type { Remote } from './remote.ts';
import { cacheFailure, SourceError } from './remote-failure.ts';
import { quoteForeign } from './repository-url.ts';
import { openRevisionTree } from './revision-tree.ts';
import type { GitResult } from './run-git.ts';
import { OBJECT_ID } from './wanted-commit.ts';

export interface RepositoryLimits {
  /** Bytes that one fetch may bring. */
  packBytes: number;
  /** Larger files are not fetched (where the server can leave them out) and not read. */
  fileBytes: number;
  /** Files and directories of a commit. */
  files: number;
  /** Bytes of a check-out, for a kustomization. */
  checkOutBytes: number;
  /** Milliseconds for one request of refs. */
  refsTime: number;
  /** Milliseconds for one fetch, waiting for another program that fetches included. */
  fetchTime: number;
}

export interface BareCacheOptions {
  /** The directory of all caches. */
  directory: string;
  remote: Remote;
  connections: Connections;
  env: Environment;
  limits: RepositoryLimits;
}

const WATCH_EVERY = 100;

/**
 * A bare repository with the commits of one remote that are of use: every fetch is shallow, of exactly one commit,
 * and moves only what the commits before it don't have. It may be lost or damaged at any time: it is made again.
 */
export class BareCache {
  readonly #options: BareCacheOptions;
  readonly #name: string;
  readonly #path: string;
  /** How often each commit is open. */
  readonly #open = new Map<string, number>();
  #prepared = false;
  /** Something could not be read that should be there. */
  #suspect = false;

  constructor(options: BareCacheOptions) {
    this.#options = options;
    this.#name = directoryName(options.remote.url);
    this.#path = join(options.directory, this.#name);
  }

  async fetch(commit: string, signal: AbortSignal): Promise<Attempt<Fetched>> {
    if (!OBJECT_ID.test(commit))
      return failed('CommitMissing', `${JSON.stringify(commit)} is not a commit id`);
    if (this.#prepared && !this.#suspect && (await keeps(this.#path, commit))) return { ok: true, bytes: 0 };
    const { directory, limits } = this.#options;
    using limit = startDeadline(signal, limits.fetchTime);
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await using _lock = await lockCache(directory, this.#name, limit.signal);
      await this.#prepare(commit, limit.signal);
      if (await keeps(this.#path, commit)) return { ok: true, bytes: 0 };
      const bytes = await this.#fetch(commit, limit);
      await this.#tidy(limit.signal);
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
      cwd: this.#path,
      gitDir: this.#path,
      env: readingEnvironment(this.#environment),
      signal,
      commit,
      revision: commit.slice(0, 12),
      inTree: (path) => path,
      limits: { files: limits.files, fileBytes: limits.fileBytes, checkOutBytes: limits.checkOutBytes },
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

  /** Once for each program, and where something seems broken: the cache is there, whole and of the right kind. */
  async #prepare(commit: string, signal: AbortSignal): Promise<void> {
    const format = commit.length === 64 ? 'sha256' : 'sha1';
    if (!this.#prepared) await this.#clearPath();
    const sound = (await this.#format(signal)) === format;
    if (!sound || (this.#suspect && !(await this.#isSound(signal)))) await this.#create(format, signal);
    this.#prepared = true;
    this.#suspect = false;
  }

  async #clearPath(): Promise<void> {
    const { directory } = this.#options;
    for (const name of await readdir(directory))
      if (name.startsWith(`${this.#name}.`))
        await rm(join(directory, name), { recursive: true, force: true });
    await clearLeftovers(this.#path);
  }

  /** Undefined where there is no cache, or none that git can use. */
  async #format(signal: AbortSignal): Promise<string | undefined> {
    const options = { cwd: this.#path, env: readingEnvironment(this.#environment), signal };
    const result = await runOnCache(['rev-parse', '--show-object-format'], options).catch((error) => {
      // No directory to run in.
      if (error?.code === 'ENOENT' || error?.code === 'ENOTDIR') return undefined;
      throw error;
    });
    return result?.code === 0 ? result.stdout.toString('utf8').trim() : undefined;
  }

  async #create(format: string, signal: AbortSignal): Promise<void> {
    const { directory } = this.#options;
    const fresh = await mkdtemp(join(directory, `${this.#name}.new-`));
    const init = ['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, '.'];
    succeed(await runOnCache(init, { cwd: fresh, env: readingEnvironment(this.#environment), signal }));
    const old = `${fresh}.old`;
    await rename(this.#path, old).catch(ignoreMissing);
    await rename(fresh, this.#path);
    await rm(old, { recursive: true, force: true });
  }

  /** Returns the bytes that came. A cache that is to blame for a failure is made again, once. */
  async #fetch(commit: string, limit: Deadline): Promise<number> {
    for (let attempt = 1; ; attempt += 1) {
      const before = (await measurePacks(this.#path)).bytes;
      const { result, context } = await this.#runFetch(commit, before, limit);
      if (result.code === 0 && (await keeps(this.#path, commit)))
        return (await measurePacks(this.#path)).bytes - before;
      const failure = fetchFailure(result.stderr, commit, context);
      // What was interrupted may have left its locks.
      await clearLeftovers(this.#path);
      if (failure?.code === 'Moved') this.#options.remote.forget();
      if (failure) throw new SourceError(failure);
      const locked = /Unable to create '.*\.lock'/.test(result.stderr);
      if (locked && attempt === 1) continue;
      if (attempt === 2 || (await this.#isSound(limit.signal))) {
        const said = quoteForeign(lastWords(result.stderr), context.credential);
        throw new SourceError({ code: 'GitFailed', message: `git fetch failed: ${said}` });
      }
      await this.#create(commit.length === 64 ? 'sha256' : 'sha1', limit.signal);
    }
  }

  async #runFetch(commit: string, before: number, limit: Deadline) {
    const { directory, connections, limits, remote } = this.#options;
    const credential = await remote.credential();
    const trustFile = await writeTrustFile(directory, connections.trusted);
    // Progress makes git notice that nobody listens any more, and end.
    const options = ['--depth=1', '--no-tags', '--no-write-fetch-head', '--progress'];
    const watch = setInterval(async () => {
      if ((await measurePacks(this.#path)).bytes - before > limits.packBytes)
        limit.abort(new SourceError(packTooLarge(commit, limits.packBytes)));
    }, WATCH_EVERY);
    try {
      const result: GitResult = await runOnCache(
        ['fetch', ...options, REMOTE, `+${commit}:${KEPT_REFS}/${commit}`],
        {
          cwd: this.#path,
          env: fetchEnvironment(this.#environment, connections, credential, trustFile),
          signal: limit.signal,
        },
      );
      return { result, context: { url: remote.url, credential } };
    } catch (error) {
      await clearLeftovers(this.#path);
      throw error;
    } finally {
      clearInterval(watch);
    }
  }

  async #tidy(signal: AbortSignal): Promise<void> {
    const tidied = await tidy({
      cache: this.#path,
      env: housekeepingEnvironment(this.#environment),
      inUse: new Set(this.#open.keys()),
      maxBytes: 2 * this.#options.limits.packBytes,
      signal,
    });
    if (!tidied) this.#suspect = true;
  }

  #isSound(signal: AbortSignal): Promise<boolean> {
    return isSound(this.#path, housekeepingEnvironment(this.#environment), signal);
  }

  get #environment(): CacheEnvironmentOptions {
    const { env, directory, limits, remote } = this.#options;
    return { env, home: directory, fileBytes: limits.fileBytes, url: remote.url };
  }
}

/** Readable by people, and the same for the same URL only. */
function directoryName(url: URL): string {
  const readable = `${url.host}${url.pathname}`.replace(/\.git$/, '').replace(/[^A-Za-z0-9.-]+/g, '-');
  const hash = createHash('sha256').update(url.href).digest('hex').slice(0, 16);
  return `${readable.slice(0, 100)}-${hash}`;
}

function packTooLarge(commit: string, limit: number): SourceFailure {
  const size = `${Math.round(limit / 2 ** 20)} MiB`;
  return {
    code: 'TooLarge',
    message: `commit ${commit.slice(0, 12)} brings more than ${size} of packed files`,
    hint: 'keep manifests in a repository of their own, or allow more',
  };
}

function failed(code: SourceFailure['code'], message: string): Attempt<never> {
  return { ok: false, failure: { code, message } };
}

function succeed({ code, stderr }: GitResult): void {
  if (code === 0) return;
  const failure = fetchFailure(stderr, '', { url: new URL('file:///'), credential: undefined });
  throw new SourceError(
    failure ?? { code: 'GitFailed', message: `git can't make a cache: ${lastWords(stderr)}` },
  );
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
