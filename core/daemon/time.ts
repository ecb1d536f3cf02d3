/** Waits, at most until the signal ends; never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || ms <= 0) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    // Longer ones overflow a timer; nobody waits for three weeks without being woken.
    const timer = setTimeout(end, Math.min(ms, 2 ** 31 - 1));
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Waits that can be ended from elsewhere. A ring while nobody waits ends the next wait at once. */
export class Alarm {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Waits for a ring, for `ms` at most, or until the signal ends. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await pause(ms, AbortSignal.any([signal, woken.signal]));
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}

/** Growing pauses after failures in a row, with jitter so that many do not come back at once. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  readonly #random: () => number;
  #failures = 0;

  /** `first` and `longest` in ms; `random` in [0, 1). */
  constructor(first: number, longest: number, random: () => number) {
    this.#first = first;
    this.#longest = longest;
    this.#random = random;
  }

  /** How long to wait after one more failure, in ms. */
  next(): number {
    const whole = Math.min(this.#longest, this.#first * 2 ** this.#failures);
    this.#failures += 1;
    return whole * (0.75 + this.#random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
