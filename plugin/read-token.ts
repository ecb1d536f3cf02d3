import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ProblemError } from '../core/model/problem.ts';
import type { Io } from './io.ts';

/** Where a token may come from: never from the arguments themselves, which others can see and shells remember. */
export interface TokenPlace {
  /** Such as `--git-token-file`. */
  flag: string;
  /** Its value: a file, or - for standard input. */
  file: string | undefined;
  /** The environment variable that is read where the flag is not given. */
  variable: string;
}

/** Reads tokens; standard input can give one of them only. */
export class Tokens {
  readonly #io: Io;
  #fromStdin: string | undefined;

  constructor(io: Io) {
    this.#io = io;
  }

  /** The token; undefined where neither flag nor variable says one. Throws ProblemError, which never holds a token. */
  async read({ flag, file, variable }: TokenPlace): Promise<string | undefined> {
    if (file === undefined) {
      const value = this.#io.env[variable];
      return value ? checked(value, `the variable ${variable}`) : undefined;
    }
    if (file !== '-') return checked(readFile(file, flag, this.#io.cwd), `the file of ${flag}`);
    if (this.#fromStdin !== undefined)
      throw problem(
        `${this.#fromStdin} and ${flag} both read standard input`,
        'put one of the tokens into a file',
      );
    this.#fromStdin = flag;
    return checked((await this.#io.stdin()).toString('utf8'), 'standard input');
  }
}

function readFile(file: string, flag: string, cwd: string): string {
  if (file === '') throw problem(`the path after ${flag} is empty`, 'is a variable of the script not set?');
  try {
    return readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const why =
      { ENOENT: 'there is no such file', EISDIR: 'it is a directory', EACCES: 'no permission' }[code] ?? code;
    // Who gives a token where a file belongs must not see it in a log.
    const named = /^[\w./~-]{1,100}$/.test(file) && !/^gl[a-z]+-/.test(file) ? ` (${file})` : '';
    throw problem(
      `the file of ${flag}${named} can't be read: ${why}`,
      `${flag} takes a file, or - for stdin`,
    );
  }
}

function checked(text: string, where: string): string {
  const token = text.trim();
  if (token === '') throw problem(`there is no token in ${where}`, 'did the command that prints it fail?');
  if (!/^[\x21-\x7e]+$/.test(token))
    throw problem(
      `what is in ${where} is no token`,
      'it is one word of letters, digits and signs, without spaces',
    );
  return token;
}

function problem(message: string, hint: string): ProblemError {
  return new ProblemError({ code: 'Token', message, hint });
}
