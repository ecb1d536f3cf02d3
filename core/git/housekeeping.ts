import { KEPT_REFS, keptCommits, measurePacks } from './cache-files.ts';
import { type CacheProcessOptions, runOnCache } from './cache-process.ts';

/** Every fetch adds a pack; with more than these, or more bytes, they become one. */
const MOST_PACKS = 20;
/** A commit is kept for readers that may be at it: the newest ones, and those fetched in the last minutes (ms). */
const NEWEST = 4;
const KEEP_FOR = 10 * 60_000;

export interface HousekeepingOptions extends CacheProcessOptions {
  /** Commits that are being read in this program. */
  inUse: ReadonlySet<string>;
  /** A pack directory that is larger is tidied too. */
  maxBytes: number;
}

/**
 * Drops what no commit in use needs, and makes one pack of the rest, where a cache has grown. Only for the holder
 * of the cache's lock. False where git failed: the cache wants a closer look.
 */
export async function tidy({ inUse, maxBytes, ...git }: HousekeepingOptions): Promise<boolean> {
  const { count, bytes } = await measurePacks(git.cwd);
  if (count <= MOST_PACKS && (count <= 1 || bytes <= maxBytes)) return true;
  const old = Date.now() - KEEP_FOR;
  const droppable = (await keptCommits(git.cwd))
    .slice(NEWEST)
    .filter(({ commit, since }) => since < old && !inUse.has(commit));
  const commands = [
    ...droppable.map(({ commit }) => ['update-ref', '-d', `${KEPT_REFS}/${commit}`]),
    ['repack', '-a', '-d', '-q'],
    // Also takes commits that are gone out of the list of those whose parents were not fetched.
    ['prune', '--expire=now'],
  ];
  for (const command of commands) {
    const { code } = await runOnCache(command, git);
    if (code !== 0) return false;
  }
  return true;
}

/** Whether everything in the cache can be read and is what its name says. */
export async function isSound(options: CacheProcessOptions): Promise<boolean> {
  const { code } = await runOnCache(['fsck', '--no-dangling', '--no-progress'], options);
  return code === 0;
}
