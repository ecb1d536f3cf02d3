import { homedir } from 'node:os';
import { formatProblem, ProblemError } from '../core/model/problem.ts';
import { runCli } from './cli.ts';
import type { Io } from './io.ts';

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
  // `diff … | head` closes the pipe early; the exit code of the diff is not worth a stack trace then.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 2));
  }
  const code = await runCli(process.argv.slice(2), processIo(abort.signal)).catch((error: unknown) =>
    signalled ? SIGNAL_CODES[signalled] : fail(error),
  );
  process.exitCode = signalled ? SIGNAL_CODES[signalled] : code;
}

function fail(error: unknown): number {
  if (error instanceof ProblemError)
    process.stderr.write(`${error.problems.map(formatProblem).join('\n')}\n`);
  else {
    const verbose = process.argv.some((argument) => /^-v=?[89]$/.test(argument));
    const text = error instanceof Error ? (verbose ? error.stack : error.message) : String(error);
    process.stderr.write(
      `error: unexpected: ${text}\nhint: this is a defect of kubectl gitlab-agent; -v=8 shows where\n`,
    );
  }
  return 2;
}

function processIo(signal: AbortSignal): Io {
  const { env, stdout, stderr } = process;
  return {
    env,
    cwd: process.cwd(),
    homedir: env.HOME || homedir(),
    stdin: async () => Buffer.concat(await Array.fromAsync(process.stdin)),
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    stdoutIsTty: stdout.isTTY === true,
    stderrIsTty: stderr.isTTY === true,
    columns: stdout.columns ?? 80,
    signal,
    version: VERSION,
  };
}
