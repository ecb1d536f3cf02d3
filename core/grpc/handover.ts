interface Waiting<T> {
  value: T;
  taken: () => void;
  failed: (error: unknown) => void;
}

/**
 * Hands values from one side to another, one at a time: `put` resolves once the other side has come back for more, so
 * that nobody is faster than who reads.
 */
export class Handover<T> implements AsyncIterable<T> {
  #waiting: Waiting<T> | undefined;
  #wake: (() => void) | undefined;
  #end: { error?: unknown } | undefined;

  /** One at a time. Rejects where the other side has left. */
  put(value: T): Promise<void> {
    if (this.#end) return Promise.reject(this.#end.error ?? new Error('nobody takes it any more'));
    return new Promise((taken, failed) => {
      this.#waiting = { value, taken, failed };
      this.#wake?.();
    });
  }

  /** Whether the other side has not come back yet for more than what was put. */
  get isUnderWay(): boolean {
    return this.#waiting !== undefined;
  }

  /** What was put is still handed over; then it ends, with the error if there is one. */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** It ends at once: what was put is not handed over any more, and whoever waits for that is told. */
  cut(error: Error): void {
    this.#end = { error };
    this.#waiting?.failed(error);
    this.#waiting = undefined;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        const waiting = this.#waiting;
        if (waiting) {
          yield waiting.value;
          this.#waiting = undefined;
          waiting.taken();
        } else if (this.#end) {
          if (this.#end.error !== undefined) throw this.#end.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      this.#end ??= { error: new Error('the other side has left') };
      this.#waiting?.failed(this.#end.error ?? new Error('the other side has left'));
      this.#waiting = undefined;
    }
  }
}
