import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const WIDTH = 78;

export interface StageOptions {
  /** The work tree of the demo's Git repository, where all commands run. */
  directory: string;
  env: NodeJS.ProcessEnv;
  namespace: string;
  signal: AbortSignal;
}

/** Where the story is told: prints, runs commands as a person would type them, edits files. */
export class Stage {
  readonly namespace: string;
  readonly #directory: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #signal: AbortSignal;
  readonly #colored = process.stdout.isTTY === true && !process.env.NO_COLOR;
  #chapter = 0;

  constructor({ directory, env, namespace, signal }: StageOptions) {
    this.#directory = directory;
    this.#env = env;
    this.namespace = namespace;
    this.#signal = signal;
  }

  /** A heading with a number, underlined. */
  heading(text: string): void {
    this.#chapter += 1;
    const line = `${this.#chapter}. ${text}`;
    this.#write(`\n${this.#style('1', line)}\n${'='.repeat(line.length)}\n`);
  }

  /** A paragraph, wrapped. */
  say(text: string): void {
    const lines: string[] = [];
    for (const word of text.split(/\s+/)) {
      const last = lines.at(-1);
      if (last !== undefined && last.length + 1 + word.length <= WIDTH)
        lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    this.#write(`\n${lines.join('\n')}\n`);
  }

  /** Lines that somebody else says. */
  quote(lines: readonly string[]): void {
    const long = lines.flatMap((line) => folded(line));
    this.#write(`\n${long.map((line) => this.#style('2', line)).join('\n')}\n`);
  }

  /** Prints the command line after a `$` and runs it. Its output is its own. Throws on another exit code. */
  async run(line: string, expected = 0): Promise<void> {
    this.#write(`\n${this.#style('1', `$ ${line}`)}\n`);
    const code = await this.#spawn(line);
    if (line.startsWith('kubectl gitlab-agent')) this.#write(`${this.#style('2', `exit code ${code}`)}\n`);
    if (code !== expected)
      throw new Error(`the demo expected exit code ${expected} from this command, not ${code}`);
  }

  /**
   * Prints the command line and runs it until the end of the scope. Returns once its output has what is looked for;
   * what it printed so far is shown.
   */
  async follow(line: string, wanted: RegExp): Promise<{ found: string } & AsyncDisposable> {
    this.#write(`\n${this.#style('1', `$ ${line} &`)}\n`);
    this.#signal.throwIfAborted();
    const child = spawn('sh', ['-c', `exec ${line}`], {
      cwd: this.#directory,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'close');
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM');
      await ended;
    };
    let text = '';
    for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      text += chunk;
      const [found] = wanted.exec(text) ?? [];
      if (found === undefined) continue;
      this.#write(text);
      child.stdout.resume();
      return { found, [Symbol.asyncDispose]: stop };
    }
    await stop();
    throw new Error(`the demo expected ${wanted} from this command`);
  }

  /** Replaces a text in a file of the repository; throws where it is not there. */
  edit(file: string, from: string, to: string): void {
    const path = join(this.#directory, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)} to change`);
    writeFileSync(path, text.replace(from, to));
  }

  /** Writes a new file of the repository. */
  add(file: string, text: string): void {
    writeFileSync(join(this.#directory, file), text);
  }

  async #spawn(line: string): Promise<number> {
    this.#signal.throwIfAborted();
    const child = spawn('sh', ['-c', line], {
      cwd: this.#directory,
      env: this.#env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    // In a terminal Ctrl-C has reached the command already; a SIGTERM to this process alone has not.
    const end = (): void => void child.kill('SIGTERM');
    this.#signal.addEventListener('abort', end, { once: true });
    try {
      const [code] = (await once(child, 'exit')) as [number | null];
      this.#signal.throwIfAborted();
      return code ?? 1;
    } finally {
      this.#signal.removeEventListener('abort', end);
    }
  }

  #style(code: string, text: string): string {
    return this.#colored ? `\x1b[${code}m${text}\x1b[0m` : text;
  }

  #write(text: string): void {
    process.stdout.write(text);
  }
}

/** Broken at spaces, what follows indented. */
function folded(line: string): string[] {
  const lines: string[] = [];
  for (const word of line.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= WIDTH)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(lines.length === 0 ? word : `        ${word}`);
  }
  return lines;
}
