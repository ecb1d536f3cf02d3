/** Runs the git program on the stand-in's own repositories, away from what this machine's git is configured to do. */
import { spawn } from 'node:child_process';

export interface GitRun {
  cwd: string;
  /** Written to its standard input. */
  input?: string | Buffer | readonly (string | Buffer)[];
  env?: Readonly<Record<string, string>>;
}

/** What GitLab's own git is told: filters and fetches by SHA, no background work that outlives a request. */
const CONFIG: Readonly<Record<string, string>> = {
  'http.receivepack': 'true',
  'uploadpack.allowFilter': 'true',
  'uploadpack.allowAnySHA1InWant': 'true',
  'transfer.hideRefs': 'refs/stand-in',
  'receive.autogc': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'safe.directory': '*',
};

/** The whole environment of a git of ours: PATH, and no configuration but the given settings and those of `CONFIG`. */
export function gitEnvironment(
  settings: Readonly<Record<string, string>> = {},
  path = process.env.PATH ?? '',
): Record<string, string> {
  const all = Object.entries({ ...CONFIG, ...settings });
  const environment: Record<string, string> = {
    PATH: path,
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(all.length),
  };
  for (const [index, [key, value]] of all.entries()) {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return environment;
}

/** An exit code other than 0. */
export class GitError extends Error {
  readonly code: number;
  readonly stderr: string;

  constructor(args: readonly string[], code: number, stderr: string) {
    super(`git ${args[0]} ended with ${code}: ${stderr.trim()}`);
    this.code = code;
    this.stderr = stderr;
  }
}

/** What git prints. An exit code other than 0 rejects with a GitError. */
export async function git(args: readonly string[], { cwd, input, env }: GitRun): Promise<Buffer> {
  const child = spawn('git', ['--literal-pathspecs', ...args], { cwd, env: { ...gitEnvironment(), ...env } });
  const out: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A git that refuses its input early closes the pipe; its exit code says what happened.
  child.stdin.on('error', () => {});
  for (const part of Array.isArray(input) ? input : [input ?? '']) child.stdin.write(part);
  child.stdin.end();
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit) => resolve(exit ?? -1));
  });
  if (code !== 0) throw new GitError(args, code, stderr);
  return Buffer.concat(out);
}

/** As `git`, as text. */
export async function gitText(args: readonly string[], run: GitRun): Promise<string> {
  return (await git(args, run)).toString('utf8');
}

/** As `gitText`, trimmed; undefined where git ends with an exit code other than 0: no such revision, path or ref. */
export async function gitAnswer(args: readonly string[], run: GitRun): Promise<string | undefined> {
  try {
    return (await gitText(args, run)).trim();
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}
