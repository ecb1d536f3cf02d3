import { readdir, readFile, readlink, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MEMORY_LIMIT } from './cache-process.ts';

/** Directories for check-outs are named so; one that is this old (ms) has no reader any more. */
const CHECK_OUT = /^gitlab-agent-/;
const CHECK_OUT_AGE = 3_600_000;
const TEMPORARY_PACK = /^(?:\.?tmp-|tmp_)/;

/**
 * Clears away what a program that was killed left in a cache: git processes that still run there, their lock files
 * and unfinished packs. Only for the holder of the cache's lock: all that is there then is nobody's.
 */
export async function clearLeftovers(cache: string): Promise<void> {
  await endOrphans(cache);
  await removeLocks(cache, 0);
  for (const name of await namesIn(join(cache, 'objects', 'pack')))
    if (TEMPORARY_PACK.test(name) || name.endsWith('.lock'))
      await rm(join(cache, 'objects', 'pack', name), { force: true });
  for (const name of await namesIn(join(cache, 'objects')))
    if (name.startsWith('tmp_')) await rm(join(cache, 'objects', name), { recursive: true, force: true });
  for (const name of await namesIn(cache)) {
    if (!CHECK_OUT.test(name)) continue;
    const path = join(cache, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > CHECK_OUT_AGE) await rm(path, { recursive: true, force: true });
  }
}

/** Lock files beside configuration, `shallow` and refs. */
async function removeLocks(directory: string, depth: number): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const path = join(directory, entry.name);
    if (entry.name.endsWith('.lock') && entry.isFile()) await rm(path, { force: true });
    else if (entry.isDirectory() && depth < 3 && (depth > 0 || entry.name === 'refs'))
      await removeLocks(path, depth + 1);
  }
}

/** Kills git processes whose working directory is the cache. They are found on Linux only. */
async function endOrphans(cache: string): Promise<void> {
  const real = await realpath(cache).catch(() => undefined);
  if (real === undefined) return;
  for (const pid of (await namesIn('/proc')).filter((name) => /^\d+$/.test(name))) {
    if ((await readlink(`/proc/${pid}/cwd`).catch(() => '')) !== real) continue;
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    // `cat-file` of another program that only reads may go on.
    const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    const ours = /^git/.test(name) || command.includes(MEMORY_LIMIT);
    if (!ours || /\0(?:cat-file|ls-tree)\0/.test(command)) continue;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

async function namesIn(directory: string): Promise<string[]> {
  return await readdir(directory).catch(() => []);
}
