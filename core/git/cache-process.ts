import { spawn } from 'node:child_process';
import type { GitResult } from './run-git.ts';

export interface CacheProcessOptions {
  /** The bare cache: every process of ours on it runs there, which is how one that was orphaned is found. */
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Of virtual memory, for each process: a pack of a few bytes may unfold to any size. */
  memoryBytes: number;
  /** Kills git and all that it started. */
  signal: AbortSignal;
}

// A shell that has no such limit (macOS) goes on without.
export const MEMORY_LIMIT = 'ulimit -v "$0" 2>/dev/null; exec git "$@"';
const MOST_STDERR = 64 * 1024;

/**
 * Runs git on a cache, in a process group of its own and with bounded memory. Resolves when all of its output has
 * ended; rejects with the signal's reason, or Node's error where it can't be started.
 */
export async function runOnCache(
  args: readonly string[],
  { cwd, env, memoryBytes, signal }: CacheProcessOptions,
): Promise<GitResult> {
  signal.throwIfAborted();
  const kibibytes = String(Math.floor(memoryBytes / 1024));
  const child = spawn('/bin/sh', ['-c', MEMORY_LIMIT, kibibytes, '--no-pager', ...args], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<GitResult>();
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  };
  signal.addEventListener('abort', kill, { once: true });
  const out: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    // The end says why; what comes before may be gigabytes that a server sent.
    stderr = (stderr + text).slice(-MOST_STDERR);
  });
  child.on('error', reject);
  child.on('close', (code) => resolve({ code: code ?? -1, stdout: Buffer.concat(out), stderr }));
  try {
    const result = await promise;
    signal.throwIfAborted();
    return result;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
