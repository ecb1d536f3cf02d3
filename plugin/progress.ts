import type { Io } from './io.ts';
import { frame, type View } from './view.ts';

const PATIENCE_MS = 1000;
const REDRAW_MS = 200;
const REPEAT_MS = 10_000;

/** Calls `run` after `ms` milliseconds; the function that it returns calls it off. */
export type After = (ms: number, run: () => void) => () => void;

const inRealTime: After = (ms, run) => {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
};

/** What a progress view needs of a process. */
export type ProgressIo = Pick<Io, 'err' | 'stderrIsTty' | 'screen' | 'env'>;

/**
 * Says on stderr what takes longer than a second: lines that redraw themselves on a terminal, a plain line every ten
 * seconds elsewhere. `update` and `show` are cheap enough to be called for every object.
 */
export class Progress {
  readonly #io: ProgressIo;
  readonly #isLive: boolean;
  readonly #color: boolean;
  readonly #after: After;
  #cancel: () => void;
  #view: () => View | undefined = () => undefined;
  /** Lines on the terminal that are ours. */
  #drawn = 0;

  constructor(io: ProgressIo, after: After = inRealTime) {
    this.#io = io;
    this.#after = after;
    // A dumb terminal can't go back to what it has written.
    this.#isLive = io.stderrIsTty && io.env.TERM !== 'dumb';
    this.#color = this.#isLive && !io.env.NO_COLOR;
    this.#cancel = after(PATIENCE_MS, () => this.#draw());
  }

  update(text: string): void {
    this.#view = () => ({ plain: text });
  }

  /** Asked whenever something is drawn. */
  show(view: () => View): void {
    this.#view = view;
  }

  /** Nothing is under way for now. */
  rest(): void {
    this.#view = () => undefined;
    this.#clear();
  }

  #draw(): void {
    const view = this.#view();
    if (view && this.#isLive) this.#redraw(view);
    else if (view) this.#io.err(`${view.plain}\n`);
    this.#cancel = this.#after(this.#isLive ? REDRAW_MS : REPEAT_MS, () => this.#draw());
  }

  /** Writes over what is there, in one go and without clearing it first: nothing flickers. */
  #redraw(view: View): void {
    const lines = frame(view, this.#io.screen(), this.#color);
    const text = lines.map((line) => `\r${line}\x1b[K`).join('\n');
    this.#io.err(`${this.#home()}${text}\x1b[J`);
    this.#drawn = lines.length;
  }

  /** Goes to the first of our lines. */
  #home(): string {
    return this.#drawn > 1 ? `\x1b[${this.#drawn - 1}A` : '';
  }

  /** Writes lines of their own to stderr, out of the way of those that redraw themselves. */
  say(text: string): void {
    this.aside(() => this.#io.err(`${text}\n`));
  }

  /** Takes the lines away while something else is written to the terminal. */
  aside(write: () => void): void {
    this.#clear();
    write();
  }

  /** Takes the lines away again, so that they never mix with a report. */
  end(): void {
    this.#cancel();
    this.#clear();
  }

  #clear(): void {
    if (this.#drawn > 0) this.#io.err(`${this.#home()}\r\x1b[J`);
    this.#drawn = 0;
  }
}
