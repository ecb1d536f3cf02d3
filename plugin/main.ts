import { once } from 'node:events';
import { homedir } from 'node:os';
import { addAbortSignal, Writable } from 'node:stream';
import { formatProblem, ProblemError } from '../core/model/problem.ts';
import { escapeUnsafe } from '../core/report/escape.ts';
import { verbosity } from './arguments.ts';
import { runCli } from './cli.ts';
import type { Io } from './io.ts';
import { watchOutput } from './output-errors.ts';

declare const VERSION: string;

const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs the command line of this process and ends it with the command's exit code. */
export async function main(): Promise<void> {
  const abort = new AbortController();
  let signalled: keyof typeof SIGNAL_CODES | undefined;
  for (const name of Object.keys(SIGNAL_CODES) as (keyof typeof SIGNAL_CODES)[]) {
    process.on(name, () => {
      // The second time means: at once.
      if (signalled) process.exit(SIGNAL_CODES[name]);
      signalled = name;
      abort.abort();
    });
  }
  const unread = new AbortController();
  watchOutput(process, () => unread.abort());
  await useProxy();
  const io = processIo(abort.signal, unread.signal);
  const code = await runCli(process.argv.slice(2), io).catch((error: unknown) =>
    signalled ? SIGNAL_CODES[signalled] : fail(error),
  );
  process.exitCode = signalled ? SIGNAL_CODES[signalled] : code;
}

/** For GitLab's API: connections to repositories and to API servers have proxies of their own. */
async function useProxy(): Promise<void> {
  const isNamed = ['https_proxy', 'http_proxy'].some(
    (name) => process.env[name] || process.env[name.toUpperCase()],
  );
  // Node.js before 24.14 lacks it.
  if (isNamed) (await import('node:http')).setGlobalProxyFromEnv?.(process.env);
}

function fail(error: unknown): number {
  if (error instanceof ProblemError)
    process.stderr.write(`${escapeUnsafe(error.problems.map(formatProblem).join('\n'))}\n`);
  else {
    const verbose = verbosity(process.argv) >= 8;
    const text = error instanceof Error ? (verbose ? error.stack : error.message) : String(error);
    process.stderr.write(
      `error: unexpected: ${text}\nhint: this is a defect of kubectl gitlab-agent; -v=8 shows where\n`,
    );
  }
  return 2;
}

function processIo(signal: AbortSignal, unread: AbortSignal): Io {
  const { env, stdout, stderr } = process;
  return {
    env,
    cwd: process.cwd(),
    homedir: env.HOME || homedir(),
    stdin: () => readStdin(signal),
    line: ({ hidden = false } = {}) => readLine(signal, hidden),
    stdinIsTty: process.stdin.isTTY === true,
    out: (text) => void stdout.write(text),
    drained: async () => {
      if (!stdout.writableNeedDrain || unread.aborted) return;
      await once(stdout, 'drain', { signal: AbortSignal.any([signal, unread]) }).catch(() => undefined);
    },
    unread,
    err: (text) => void stderr.write(text),
    stdoutIsTty: stdout.isTTY === true,
    stderrIsTty: stderr.isTTY === true,
    columns: stdout.columns ?? 80,
    screen: () => ({ columns: stderr.columns ?? 80, rows: stderr.rows ?? 24 }),
    signal,
    version: VERSION,
  };
}

async function readStdin(signal: AbortSignal): Promise<Buffer> {
  // A person at a terminal, or a pipe that nobody closes, must not outlast Ctrl-C.
  const stdin = addAbortSignal(signal, process.stdin);
  return Buffer.concat(await Array.fromAsync(stdin));
}

async function readLine(signal: AbortSignal, hidden: boolean): Promise<string> {
  const { createInterface } = await import('node:readline');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { stdin: input, stderr } = process;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: hidden ? nowhere : stderr, terminal: hidden });
  // A terminal that shows nothing hands Ctrl-C over as a key.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  let isAnswered = false;
  lines.on('line', (line) => {
    isAnswered = true;
    resolve(line);
  });
  lines.on('close', () => resolve(''));
  const end = (): void => reject(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', end);
    lines.close();
    // Whoever ends the input, or writes unseen, leaves the cursor behind the question.
    if (hidden || !isAnswered) stderr.write('\n');
  }
}
