/** In ms. */
const FIRST = 2_000;
/** Half of what all may take to come back, however long the server was away. */
const LONGEST = 15_000;
const SHORTEST = 100;
/** A stream that ends sooner than that was of no use. */
const SHORT_LIFE = 5_000;

/**
 * How long to wait before the next attempt. All agents of a server lose it at the same moment: anything up to the whole
 * pause is as likely, so that they come back one after the other.
 */
export class Reconnecting {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  afterFailure(): number {
    const whole = Math.min(LONGEST, FIRST * 2 ** this.#failures);
    this.#failures += 1;
    return SHORTEST + whole * this.#random();
  }

  /** The server ended it in order, after `lifetime` ms. */
  afterEnd(lifetime: number): number {
    if (lifetime < SHORT_LIFE && this.#failures > 0) return this.afterFailure();
    // The first end is what a server does that goes away, or a batch that is complete.
    this.#failures = lifetime < SHORT_LIFE ? 1 : 0;
    return this.#random() * SHORTEST;
  }
}
