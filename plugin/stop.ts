/** After Ctrl-C, what is being written may take as long, in ms, before its connection is cut. */
const GRACE_MS = 10_000;

/** What Ctrl-C means: everything ends at once while nothing is written, later only between objects. */
export class Stop {
  readonly #hard = new AbortController();
  readonly #signal: AbortSignal;
  #soft = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #onAbort = (): void => {
    if (this.#soft) this.#timer = setTimeout(() => this.#hard.abort(this.#signal.reason), GRACE_MS);
    else this.#hard.abort(this.#signal.reason);
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get atOnce(): AbortSignal {
    return this.#hard.signal;
  }

  /** From here on objects are written. */
  softly(): void {
    this.#soft = true;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}
