import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a cache keeps a ref for each commit that it holds, by the commit's id: among the branches, which take nothing else. */
export const KEPT_REFS = 'refs/heads/kept';

export interface Packs {
  count: number;
  /** Of all files beside them too, finished or not. */
  bytes: number;
}

/** What lies in a cache's pack directory now. */
export async function measurePacks(cache: string): Promise<Packs> {
  const directory = join(cache, 'objects', 'pack');
  const names = await readdir(directory).catch(() => []);
  // A temporary file may be renamed between the two calls: it is counted at the next look.
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(directory, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return {
    count: names.filter((name) => name.endsWith('.pack')).length,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}

/** Whether the cache keeps this commit. */
export async function keeps(cache: string, commit: string): Promise<boolean> {
  const ref = await readFile(join(cache, KEPT_REFS, commit), 'latin1').catch(() => '');
  return ref.trim() === commit;
}

/** The commits that are kept, the newest first, with the times (ms since 1970) of their fetches. */
export async function keptCommits(cache: string): Promise<{ commit: string; since: number }[]> {
  const names = await readdir(join(cache, KEPT_REFS)).catch(() => []);
  const kept = await Promise.all(
    names.map((commit) =>
      stat(join(cache, KEPT_REFS, commit)).then(
        ({ mtimeMs }) => ({ commit, since: mtimeMs }),
        () => undefined,
      ),
    ),
  );
  return kept.filter((entry) => entry !== undefined).sort((a, b) => b.since - a.since);
}
