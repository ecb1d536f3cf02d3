import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CacheEnvironmentOptions,
  housekeepingEnvironment,
  readingEnvironment,
} from './cache-environment.ts';
import { lockCache } from './cache-lock.ts';
import { type CacheProcessOptions, runOnCache } from './cache-process.ts';
import type { Environment } from './connections.ts';
import { isSound, tidy } from './housekeeping.ts';
import { clearLeftovers } from './leftovers.ts';
import type { RepositoryLimits } from './limits.ts';
import type { Remote } from './remote.ts';

export interface CacheDirectoryOptions {
  /** The directory of all caches; it is made where it does not exist. */
  directory: string;
  remote: Remote;
  env: Environment;
  limits: RepositoryLimits;
}

export type ObjectFormat = 'sha1' | 'sha256';

/** Where the bare cache of one repository is, and how it is made, checked and kept in order. */
export class CacheDirectory {
  readonly #options: CacheDirectoryOptions;
  readonly #name: string;
  readonly path: string;

  constructor(options: CacheDirectoryOptions) {
    this.#options = options;
    this.#name = directoryName(options.remote.url);
    this.path = join(options.directory, this.#name);
  }

  get environment(): CacheEnvironmentOptions {
    const { env, directory, limits, remote } = this.#options;
    return { env, home: directory, fileBytes: limits.fileBytes, url: remote.url };
  }

  /** How git runs on the cache. */
  process(env: Record<string, string>, signal: AbortSignal): CacheProcessOptions {
    return { cwd: this.path, env, memoryBytes: this.#options.limits.memoryBytes, signal };
  }

  /** For whoever writes to the cache, until it is disposed of. */
  async lock(signal: AbortSignal): Promise<AsyncDisposable> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await lockCache(directory, this.#name, signal);
  }

  /** What programs that were killed have left, in the cache and beside it. */
  async clear(): Promise<void> {
    const { directory } = this.#options;
    for (const name of await readdir(directory))
      if (name.startsWith(`${this.#name}.`))
        await rm(join(directory, name), { recursive: true, force: true });
    await clearLeftovers(this.path);
  }

  /** Undefined where there is no cache, or none that git can use. */
  async format(signal: AbortSignal): Promise<string | undefined> {
    if (!existsSync(join(this.path, 'HEAD'))) return undefined;
    const options = this.process(readingEnvironment(this.environment), signal);
    const result = await runOnCache(['rev-parse', '--show-object-format'], options);
    return result.code === 0 ? result.stdout.toString('utf8').trim() : undefined;
  }

  /** `commit`, `tree`, `blob` or `tag`. */
  async typeOf(oid: string, signal: AbortSignal): Promise<string> {
    const options = this.process(readingEnvironment(this.environment), signal);
    return (await runOnCache(['cat-file', '-t', oid], options)).stdout.toString('utf8').trim();
  }

  /** An empty cache in the place of whatever is there. */
  async create(format: ObjectFormat): Promise<void> {
    const fresh = await mkdtemp(join(this.#options.directory, `${this.#name}.new-`));
    await makeBare(fresh, format);
    const old = `${fresh}.old`;
    await rename(this.path, old).catch(ignoreMissing);
    await rename(fresh, this.path);
    await rm(old, { recursive: true, force: true });
  }

  /** Whether everything in the cache can be read and is what its name says. */
  isSound(signal: AbortSignal): Promise<boolean> {
    return isSound(this.process(housekeepingEnvironment(this.environment), signal));
  }

  /** Makes one pack of what is still of use, now and then. False where the cache wants a closer look. */
  tidy(inUse: ReadonlySet<string>, signal: AbortSignal): Promise<boolean> {
    const process = this.process(housekeepingEnvironment(this.environment), signal);
    return tidy({ ...process, inUse, maxBytes: 2 * this.#options.limits.packBytes });
  }
}

/** Readable by people, and the same for the same URL only. */
function directoryName(url: URL): string {
  const readable = `${url.host}${url.pathname}`.replace(/\.git$/, '').replace(/[^A-Za-z0-9.-]+/g, '-');
  const hash = createHash('sha256').update(url.href).digest('hex').slice(0, 16);
  return `${readable.slice(0, 100)}-${hash}`;
}

/** What `git init --bare` makes, without starting a process for it (gitrepository-layout). */
async function makeBare(directory: string, format: ObjectFormat): Promise<void> {
  const [version, extensions] =
    format === 'sha256' ? ['1', '[extensions]\n\tobjectFormat = sha256\n'] : ['0', ''];
  const config = `[core]\n\trepositoryFormatVersion = ${version}\n\tbare = true\n${extensions}`;
  for (const inside of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags'])
    await mkdir(join(directory, inside), { recursive: true });
  await writeFile(join(directory, 'config'), config);
  await writeFile(join(directory, 'HEAD'), 'ref: refs/heads/main\n');
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
