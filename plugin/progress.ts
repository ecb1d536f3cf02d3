import type { Io } from './io.ts';

const PATIENCE_MS = 1000;
const REDRAW_MS = 200;
const REPEAT_MS = 10_000;

/**
 * Says on stderr what takes longer than a second: one line that redraws itself on a terminal, a plain line every
 * ten seconds elsewhere. `update` is cheap enough to be called for every object.
 */
export class Progress {
  readonly #io: Pick<Io, 'err' | 'stderrIsTty'>;
  #timer: NodeJS.Timeout;
  #text = '';
  #drawn = false;

  constructor(io: Pick<Io, 'err' | 'stderrIsTty'>) {
    this.#io = io;
    this.#timer = setTimeout(() => this.#draw(), PATIENCE_MS).unref();
  }

  update(text: string): void {
    this.#text = text;
  }

  #draw(): void {
    const { err, stderrIsTty } = this.#io;
    if (this.#text) err(stderrIsTty ? `\r\x1b[K${this.#text}` : `${this.#text}\n`);
    this.#drawn = stderrIsTty && this.#text !== '';
    this.#timer = setTimeout(() => this.#draw(), stderrIsTty ? REDRAW_MS : REPEAT_MS).unref();
  }

  /** Writes lines of their own to stderr, out of the way of the one that redraws itself. */
  say(text: string): void {
    this.aside(() => this.#io.err(`${text}\n`));
  }

  /** Takes the line away while something else is written to the terminal. */
  aside(write: () => void): void {
    this.#clear();
    write();
  }

  /** Takes the line away again, so that it never mixes with a report. */
  end(): void {
    clearTimeout(this.#timer);
    this.#clear();
  }

  #clear(): void {
    if (this.#drawn) this.#io.err('\r\x1b[K');
    this.#drawn = false;
  }
}
