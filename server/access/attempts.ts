interface Count {
  count: number;
  /** When the minute that is counted began, in ms. */
  since: number;
}

const MINUTE = 60_000;
/** Of whom a count is kept at once; more come from an attack, and push the oldest out. */
const MOST_KEPT = 100_000;

/** Counts something for each key and minute. */
export class PerMinute {
  readonly #counts = new Map<string, Count>();
  readonly #most: number;
  readonly #now: () => number;

  constructor(most: number, now: () => number) {
    this.#most = most;
    this.#now = now;
  }

  /** Whether there have been as many as are allowed. */
  isExhausted(key: string): boolean {
    const found = this.#counts.get(key);
    return found !== undefined && this.#now() - found.since < MINUTE && found.count >= this.#most;
  }

  /** One more; true for the one that makes it as many as are allowed. */
  add(key: string): boolean {
    const now = this.#now();
    const found = this.#counts.get(key);
    if (found && now - found.since < MINUTE) {
      found.count += 1;
      return found.count === this.#most;
    }
    this.#counts.delete(key);
    this.#counts.set(key, { count: 1, since: now });
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > MOST_KEPT && oldest !== undefined) this.#counts.delete(oldest);
    return this.#most === 1;
  }
}
