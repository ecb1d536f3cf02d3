import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ZipEntry, zip } from './zip.ts';

/** A file of an archive: a copy of a file, or text. */
export type Entry = { name: string; executable?: boolean } & ({ from: string } | { text: string });

// The oldest time that a zip file can tell: who packs the same files gets the same bytes, whenever.
const TIME = '1980-01-01T00:00:00Z';

/**
 * Packs files into a `.tar.gz` or a `.zip`, the same bytes for the same files: sorted, without owners, times and the
 * umask. A `.tar.gz` needs GNU tar, and libdeflate-gzip or gzip. Throws an Error in words.
 */
export async function makeArchive(path: string, entries: readonly Entry[]): Promise<void> {
  const sorted = entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (path.endsWith('.zip')) return await writeFile(path, zip(await Promise.all(sorted.map(zipEntry))));
  const scratch = await mkdtemp(`${path}.`);
  try {
    for (const entry of sorted) await put(scratch, entry);
    const how = ['--format=ustar', '--owner=0', '--group=0', '--numeric-owner', `--mtime=${TIME}`];
    const names = sorted.map(({ name }) => name);
    execFileSync('tar', [...how, '-cf', `${scratch}.tar`, ...names], { cwd: scratch });
    compress(`${scratch}.tar`, path);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
    await rm(`${scratch}.tar`, { force: true });
  }
}

async function zipEntry(entry: Entry): Promise<ZipEntry> {
  return { name: entry.name, bytes: await bytesOf(entry), mode: modeOf(entry) };
}

async function bytesOf(entry: Entry): Promise<Buffer> {
  return 'from' in entry ? await readFile(entry.from) : Buffer.from(entry.text);
}

function modeOf({ executable }: Entry): number {
  return executable ? 0o755 : 0o644;
}

async function put(directory: string, entry: Entry): Promise<void> {
  const path = join(directory, entry.name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await bytesOf(entry));
  await chmod(path, modeOf(entry));
}

/** libdeflate takes 4 % off what gzip makes of an executable, in half the time. */
function compress(from: string, to: string): void {
  for (const [program, ...args] of [
    ['libdeflate-gzip', '-12'],
    ['gzip', '-9', '-n'],
  ] as const) {
    const [input, output] = [openSync(from, 'r'), openSync(to, 'w')];
    try {
      execFileSync(program, args, { stdio: [input, output, 'pipe'] });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    } finally {
      closeSync(input);
      closeSync(output);
    }
  }
  throw new Error('neither libdeflate-gzip nor gzip is on PATH');
}
