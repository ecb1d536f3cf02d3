import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

export interface Measurement {
  /** From start to exit of the whole process. */
  seconds: number;
  /** User and system time of the process and of every child it waited for. */
  cpuSeconds: number;
  /** The most that the process and its children held resident, in MB; undefined where there is no /proc. */
  peakMegabytes?: number;
  code: number;
}

export interface Files {
  stdout: string;
  stderr: string;
}

const SAMPLE_MS = 10;

// Node tells resource usage of itself only, and GNU time is missing in many images. bash has its own `time`, which
// asks the kernel (wait4) on every platform; the command's stderr goes to descriptor 3, past that report.
const SCRIPT = `TIMEFORMAT='%3R %3U %3S'; time "$@" 2>&3 3>&-`;

/**
 * Runs a command with its output in files and measures it. Times are the kernel's, in milliseconds; memory is the
 * kernel's high-water mark of each process (VmHWM), read 100 times a second and summed over those alive together.
 */
export async function measure(
  command: readonly string[],
  files: Files,
  options: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<Measurement> {
  options.signal.throwIfAborted();
  const [stdout, stderr] = [openSync(files.stdout, 'w'), openSync(files.stderr, 'w')];
  // A group of its own: an interruption has to end the command as well, and bash would not pass it on.
  const child = spawn('bash', ['-c', SCRIPT, 'bash', ...command], {
    env: { ...options.env, LC_ALL: 'C' },
    stdio: ['ignore', stdout, 'pipe', stderr],
    detached: true,
  });
  const end = (): void => {
    if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
  };
  options.signal.addEventListener('abort', end, { once: true });
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, residentKilobytes(child.pid!));
  }, SAMPLE_MS);
  try {
    const [report, [code]] = await Promise.all([text(child.stderr!), once(child, 'close')]);
    options.signal.throwIfAborted();
    const times = /(\d+\.\d+) (\d+\.\d+) (\d+\.\d+)\s*$/.exec(report)?.slice(1).map(Number);
    if (!times) throw new Error(`bash could not run ${command[0]}: ${report.trim()}`);
    const [seconds, user, system] = times as [number, number, number];
    return {
      seconds,
      cpuSeconds: user + system,
      ...(peak > 0 && { peakMegabytes: peak / 1024 }),
      code: code as number,
    };
  } finally {
    clearInterval(timer);
    options.signal.removeEventListener('abort', end);
    closeSync(stdout);
    closeSync(stderr);
  }
}

/** The high-water marks of all descendants of a process, in kB; not its own. */
function residentKilobytes(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + highWaterMark(child) + residentKilobytes(child), 0);
}

function childrenOf(pid: number): number[] {
  const list = readProc(`/proc/${pid}/task/${pid}/children`);
  return list.split(' ').filter(Boolean).map(Number);
}

function highWaterMark(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readProc(`/proc/${pid}/status`))?.[1] ?? 0);
}

/** '' for processes that have just ended, and on systems without /proc. */
function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
