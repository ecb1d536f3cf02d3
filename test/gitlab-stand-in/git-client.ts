/** The git program as a person has it, without this machine's configuration. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export class GitClient {
  readonly directory: string;
  readonly #environment: Record<string, string>;

  constructor(directory: string, environment: Record<string, string>) {
    this.directory = directory;
    this.#environment = environment;
  }

  async run(...args: string[]): Promise<Outcome> {
    const child = spawn('git', args, { cwd: this.directory, env: this.#environment });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.end();
    const [code] = (await once(child, 'close')) as [number];
    return { code, stdout, stderr };
  }

  /** Its output; throws with what git says where it fails. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`git ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout.trim();
  }
}

/** A client in a folder of its own, which goes with the test. */
export async function gitClient(
  t: ExecutionContext,
  environment: Record<string, string> = {},
): Promise<GitClient> {
  const directory = await mkdtemp(join(tmpdir(), 'git-client-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return new GitClient(directory, {
    PATH: process.env.PATH!,
    HOME: directory,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Ann',
    GIT_AUTHOR_EMAIL: 'ann@example.com',
    GIT_COMMITTER_NAME: 'Ann',
    GIT_COMMITTER_EMAIL: 'ann@example.com',
    ...environment,
  });
}

/** The address with credentials in it. */
export function withCredentials(url: string, username: string, password: string): string {
  const full = new URL(url);
  full.username = encodeURIComponent(username);
  full.password = encodeURIComponent(password);
  return full.href;
}
