/** Examples of help texts, and how they are run as they are printed: by bash, through kubectl. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { listedCommands } from '../../tools/listed-commands.ts';
import { findKubectl, findOnPath } from './control-plane/binaries.ts';
import { PLUGIN, plugin, pluginEnvironment } from './plugin.ts';

/** The lines below `Examples:` in a help text. */
export function exampleLines(help: string): string[] {
  const [, text = ''] = help.split(/^Examples:\n/m);
  return text.trimEnd().split('\n');
}

/** The commands among them: comments are left out, lines that go on are one. */
export function commandsAmong(lines: readonly string[]): string[] {
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .join('\n')
    .replaceAll(/ \\\n/g, ' ')
    .split('\n');
}

/** What `--help` prints at 80 columns for each command, and for those below it. */
export async function helpTexts(...parents: string[]): Promise<Map<string, string>> {
  const { stdout } = await plugin([...parents, '--help']);
  const found = new Map([[parents.join(' '), stdout]]);
  const names = listedCommands(stdout, ...parents);
  for (const more of await Promise.all(names.map((name) => helpTexts(...parents, name))))
    for (const [command, text] of more) found.set(command, text);
  return found;
}

/** No example takes that long; one that waits for what never comes is ended. In ms. */
const PATIENCE = 90_000;

/** Whether programs can be given a terminal of their own: util-linux has the program for it, nearly everywhere. */
const HAS_TERMINALS = process.platform === 'linux' && findOnPath('script') !== undefined;

export interface Run {
  /** 0 where not said. */
  code?: number;
  /** A word that stands for one of the reader's own, and which that is here. */
  own?: readonly [word: string, here: () => Promise<string>];
  /** What standard output or standard error has to say. */
  says?: RegExp;
  /** Ctrl-C once it has said that; the exit code is 130 then. */
  interrupted?: true;
  /** What a person types, each once the terminal shows the question; --yes where there is no terminal to be had. */
  typed?: readonly [question: RegExp, answer: string][];
  /** Happens first. */
  before?: () => unknown;
  /** Happens while it runs; ended with it. */
  beside?: () => Promise<AsyncDisposable>;
}

/** A person's machine: a home, a directory to work in, kubectl with the plugin, git. */
export class Desk implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), 'examples-'));
  readonly directory = join(this.home, 'work');
  readonly #env: Record<string, string>;

  private constructor(kubectl: string, env: Record<string, string>) {
    const bin = join(this.home, 'bin');
    for (const name of [bin, this.directory]) mkdirSync(name);
    for (const name of ['.local/bin', '.config/fish/completions', 'zsh'])
      mkdirSync(join(this.home, name), { recursive: true });
    symlinkSync(PLUGIN, join(bin, 'kubectl-gitlab_agent'));
    symlinkSync(kubectl, join(bin, 'kubectl'));
    const base = pluginEnvironment();
    this.#env = { ...base, HOME: this.home, ...env, PATH: `${bin}:${base.PATH}` };
  }

  /** `env` is beside what any program of a test has. */
  static async open(env: Record<string, string>): Promise<Desk> {
    return new Desk(await findKubectl(), env);
  }

  /** A program on PATH that prints a text. */
  program(name: string, prints: string): void {
    const path = join(this.home, 'bin', name);
    writeFileSync(path, `#!/bin/sh\ncat <<'END'\n${prints}\nEND\n`);
    chmodSync(path, 0o755);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(this.directory, name, '..'), { recursive: true });
      writeFileSync(join(this.directory, name), text);
    }
  }

  /** Writes a file of the directory and returns its path. */
  file(name: string, text: string): string {
    this.write({ [name]: text });
    return join(this.directory, name);
  }

  /** Runs a program to its end, which has to be good. */
  async done(program: string, ...args: string[]): Promise<string> {
    const options = { cwd: this.directory, env: this.#env, timeout: PATIENCE };
    return (await promisify(execFile)(program, args, options)).stdout;
  }

  async git(...args: string[]): Promise<string> {
    return (await this.done('git', ...args)).trim();
  }

  /** Runs commands as they are printed; throws where they do not end as expected, with what they said. */
  async run(commands: string, { says, interrupted, typed = [], ...run }: Run = {}): Promise<void> {
    await run.before?.();
    const [word = '', here = async () => ''] = run.own ?? [];
    // zsh counts from 1.
    const script = `set -o pipefail; fpath=(- "$HOME/zsh"); ${commands.replace(word, await here())}`;
    const [program, ...args] =
      typed.length === 0
        ? ['bash', '-c', script]
        : HAS_TERMINALS
          ? ['script', '-qec', script, '/dev/null']
          : ['bash', '-c', `${script} --yes`];
    const child = spawn(program!, args, {
      cwd: this.directory,
      env: { ...this.#env, SHELL: '/bin/bash' },
      detached: true,
    });
    const closed = once(child, 'close');
    let said = '';
    const questions = HAS_TERMINALS ? [...typed] : [];
    if (questions.length === 0) child.stdin.end();
    const heard = (text: Buffer): void => {
      said += text.toString();
      if (questions[0]?.[0].test(said)) child.stdin.write(`${questions.shift()![1]}\n`);
      if (interrupted && says?.test(said)) process.kill(-child.pid!, 'SIGINT');
    };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', heard);
    const late = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), PATIENCE);
    await using _beside = await run.beside?.();
    const [code] = (await closed) as [number | null];
    clearTimeout(late);
    const wanted = run.code ?? (interrupted ? 130 : 0);
    if (code !== wanted) throw new Error(`${commands}\nended with ${code} instead of ${wanted}:\n${said}`);
    if (says && !says.test(said)) throw new Error(`${commands}\ndid not say ${says}:\n${said}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}
