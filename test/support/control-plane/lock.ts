import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Who holds a lock, as its file says. */
export interface Holder {
  pid: number;
  /** What it does with it, for the message of those who wait. */
  purpose: string;
}

export interface Lock {
  path: string;
  release(): void;
}

export interface LockOptions {
  purpose: string;
  /** Called when all are taken, once for each set of holders. */
  onWait?: (holders: Holder[]) => void;
  signal?: AbortSignal;
}

const HEARTBEAT_MS = 5_000;
// A pid may be in use again after a reboot: a holder also has to touch its file. Generous, because a laptop sleeps
// and a holder under load may be late.
const STALE_AFTER_MS = 60_000;
const POLL_MS = 200;

/** Takes the first free one of `paths` (lock files), waiting as long as live processes hold them all. */
export async function takeLock(paths: readonly string[], options: LockOptions): Promise<Lock> {
  let told = '';
  for (;;) {
    options.signal?.throwIfAborted();
    for (const path of paths) {
      if (tryLock(path, options.purpose)) return held(path);
    }
    const holders = paths.map(readHolder).filter((holder) => holder !== undefined);
    const words = holders.map((holder) => holder.pid).join();
    if (holders.length > 0 && words !== told) {
      options.onWait?.(holders);
      told = words;
    }
    await delay(POLL_MS, undefined, { signal: options.signal });
  }
}

function held(path: string): Lock {
  const beat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // Somebody emptied the cache directory: the lock is gone, the work goes on.
    }
  }, HEARTBEAT_MS);
  beat.unref();
  return {
    path,
    release: () => {
      clearInterval(beat);
      if (readHolder(path)?.pid === process.pid) rmSync(path, { force: true });
    },
  };
}

function tryLock(path: string, purpose: string): boolean {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}`;
  // A link appears with its content, where a file opened with O_EXCL is empty for a moment and looks stale.
  writeFileSync(mine, JSON.stringify({ pid: process.pid, purpose } satisfies Holder));
  try {
    if (tryLink(mine, path)) return true;
    return recover(path) && tryLink(mine, path);
  } finally {
    rmSync(mine, { force: true });
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a dead holder's file out of the way; true when the path may be free now. */
function recover(path: string): boolean {
  if (!isStale(path)) return false;
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return true;
  }
  // Another process may have recovered and taken it between the look and the rename: give it back then.
  if (!isStale(aside)) tryLink(aside, path);
  rmSync(aside, { force: true });
  return true;
}

function isStale(path: string): boolean {
  const holder = readHolder(path);
  if (holder === undefined) return true;
  try {
    return !isAlive(holder.pid) || Date.now() - statSync(path).mtimeMs > STALE_AFTER_MS;
  } catch {
    return true;
  }
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/** Whether a process exists, ours or another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
