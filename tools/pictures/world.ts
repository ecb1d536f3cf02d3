import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { painter } from '../../core/report/terminal.ts';

const execute = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
const PLUGIN = join(ROOT, 'dist', 'plugin', 'kubectl-gitlab_agent.cjs');

/** Where commands run as a person at a terminal would run them. */
export class World {
  /** The clone of the manifest project, in its directory `shop`. */
  readonly clone: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #kubectl: string;

  constructor(clone: string, env: NodeJS.ProcessEnv, kubectl: string) {
    this.clone = clone;
    this.env = env;
    this.#kubectl = kubectl;
  }

  /**
   * What a terminal of 80 columns shows after the line `kubectl gitlab-agent ARGUMENTS` was typed: the colours are asked
   * for by a flag that is not shown. Throws for another exit code.
   */
  async screen(args: string, expected = 0): Promise<string> {
    const command = [PLUGIN, ...args.split(' '), '--color=always'];
    const child = spawn(process.execPath, command, {
      cwd: join(this.clone, '..'),
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    if (code !== expected) throw new Error(`${args}: exit code ${code}\n${stdout}${stderr}`);
    return `${painter(true)('bold', `$ kubectl gitlab-agent ${args}`)}\n${stdout}`;
  }

  kubectl(...args: string[]): Promise<unknown> {
    return execute(this.#kubectl, args, { env: this.env });
  }

  git(...args: string[]): Promise<{ stdout: string }> {
    return execute('git', ['-C', this.clone, ...args], { env: this.env });
  }

  /** Replaces a text in a manifest; throws where it is not there. */
  edit(file: string, from: string, to: string): void {
    const path = join(this.clone, file);
    const before = readFileSync(path, 'utf8');
    if (!before.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)} to change`);
    writeFileSync(path, before.replace(from, to));
  }

  /** Commits what was edited, pushes it and returns the commit. */
  async push(message: string, branch = 'main'): Promise<string> {
    await this.git('commit', '-q', '-a', '-m', message);
    await this.git('push', '-q', 'origin', `HEAD:${branch}`);
    return (await this.git('rev-parse', 'HEAD')).stdout.trim();
  }
}
