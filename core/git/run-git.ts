import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { ProblemError } from '../model/problem.ts';

export interface GitOptions {
  /** Where git runs. */
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
}

export interface GitResult {
  code: number;
  stdout: Buffer;
  stderr: string;
}

// Reading must neither ask, nor write to the repository, nor run what somebody configured in it.
const QUIET = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_NO_LAZY_FETCH: '1',
  GIT_PAGER: 'cat',
  LC_ALL: 'C',
};
// No transport either: before git 2.45 a partial clone would fetch what it lacks, object by object.
const CONFIG = ['core.fsmonitor=false', 'core.hooksPath=/dev/null', 'protocol.allow=never'].flatMap(
  (setting) => ['-c', setting],
);
// Set inside of hooks: they would point git at another repository than the one around the path.
const DROPPED = /^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|NAMESPACE|COMMON_DIR|TRACE.*)$/;

/** Starts git. The caller ends it; `signal` kills it. */
export function startGit(
  args: readonly string[],
  { cwd, env, signal }: GitOptions,
): ChildProcessWithoutNullStreams {
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !DROPPED.test(name)));
  return spawn('git', ['--no-pager', '--literal-pathspecs', ...CONFIG, ...args], {
    cwd,
    env: { ...kept, ...QUIET },
    signal,
    killSignal: 'SIGKILL',
  });
}

/** Runs git to its end. Rejects with a ProblemError where there is no git, with the signal's reason on an abort. */
export async function runGit(args: readonly string[], options: GitOptions): Promise<GitResult> {
  options.signal.throwIfAborted();
  const child = startGit(args, options);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.end();
  const { promise, resolve, reject } = Promise.withResolvers<GitResult>();
  child.on('error', (error) => reject(options.signal.aborted ? options.signal.reason : wordStart(error)));
  child.on('close', (code) =>
    resolve({ code: code ?? -1, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString('utf8') }),
  );
  return await promise;
}

/** As `runGit`; an exit code other than 0 rejects with what git says, in one sentence. */
export async function git(args: readonly string[], options: GitOptions): Promise<Buffer> {
  const { code, stdout, stderr } = await runGit(args, options);
  if (code === 0) return stdout;
  throw new ProblemError({ code: 'GitFailed', message: `git ${args[0]} failed: ${firstLine(stderr)}` });
}

export function firstLine(stderr: string): string {
  const line = stderr.split('\n').find((text) => text.trim() !== '') ?? 'it says nothing';
  return line.replace(/^(fatal|error): /, '').trim();
}

/** What an error of a start means; other errors as they are. */
export function wordStart(error: NodeJS.ErrnoException): Error {
  if (error.code !== 'ENOENT') return error;
  return new ProblemError({
    code: 'NoGit',
    message: 'reading Git revisions needs the git program, which is not on PATH',
    hint: 'install git',
  });
}
