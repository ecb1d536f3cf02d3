/**
 * The process that owns a control plane: its throwaway directory, its components and its place among the two that
 * a machine may run. It lives as long as the pipe to its parent. However the parent ends, SIGKILL included, the
 * pipe ends with it, and the supervisor kills the components by pid and removes the directory. That needs nothing
 * of the operating system that only Linux has.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Holder, type Lock, takeLock } from './lock.ts';

/** What the parent asks. */
export type Order =
  | { do: 'begin'; slots: string[]; purpose: string }
  | { do: 'start'; name: string; file: string; args: string[] }
  | { do: 'signal'; name: string; signal: NodeJS.Signals }
  | { do: 'stop' };

/** What the supervisor tells. */
export type Report =
  | { event: 'waiting'; holders: Holder[] }
  | { event: 'ready'; dir: string }
  | { event: 'started'; name: string; pid: number }
  | { event: 'exited'; name: string; how: string }
  | { event: 'failed'; message: string };

const children = new Map<string, ChildProcess>();
const waiting = new AbortController();
let lock: Lock | undefined;
let dir: string | undefined;
let ending = false;

function tell(report: Report): void {
  // The pipe may break between the look and the write; 'disconnect' then follows and ends us.
  if (process.connected) process.send?.(report, () => {});
}

async function begin(slots: string[], purpose: string): Promise<void> {
  lock = await takeLock(slots, {
    purpose,
    signal: waiting.signal,
    onWait: (holders) => tell({ event: 'waiting', holders }),
  });
  dir = mkdtempSync(join(tmpdir(), 'gitlab-agent-control-plane-'));
  tell({ event: 'ready', dir });
}

function start(name: string, file: string, args: string[]): void {
  const log = openSync(join(dir!, `${name}.log`), 'a', 0o600);
  // Their own environment: proxies, KUBECONFIG and the caller's home must not reach them.
  const env = { PATH: process.env.PATH, HOME: dir, TMPDIR: dir };
  const child = spawn(file, args, { cwd: dir, env, stdio: ['ignore', log, log] });
  closeSync(log);
  children.set(name, child);
  const gone = (how: string): void => {
    if (children.get(name) === child) children.delete(name);
    tell({ event: 'exited', name, how });
  };
  child.once('error', (error) => gone(error.message));
  child.once('exit', (code, signal) => gone(signal ? `signal ${signal}` : `exit code ${code}`));
  if (child.pid !== undefined) tell({ event: 'started', name, pid: child.pid });
}

/** Kills at once: nothing of a throwaway control plane is worth an orderly end. */
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  waiting.abort();
  const gone = [...children.values()].map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of children.values()) child.kill('SIGKILL');
  await Promise.all(gone);
  if (dir) await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  lock?.release();
  process.exit(0);
}

process.on('message', (order: Order) => {
  if (ending) return;
  if (order.do === 'begin') {
    begin(order.slots, order.purpose).catch((error) => {
      if (!ending) tell({ event: 'failed', message: String(error) });
    });
  } else if (order.do === 'start') start(order.name, order.file, order.args);
  else if (order.do === 'signal') children.get(order.name)?.kill(order.signal);
  else void end();
});
process.on('disconnect', () => void end());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end());
