import type { Clock } from './clock.ts';

export interface LimiterOptions {
  clock: Clock;
  signal: AbortSignal;
  /** Requests under way at first, at most, and at least. */
  start?: number;
  max?: number;
  min?: number;
}

/** The right to have one request under way; give it back exactly once. */
export interface Slot {
  /**
   * `latency` (ms) is given for answers that say something of the server's speed: not for long lists, not for
   * failures. `throttled` is a 429, with what it asked for in ms.
   */
  release(result?: { latency?: number; throttled?: { retryAfter: number } }): void;
}

// A window's mean latency is compared with the best window so far (the floor). Requests that queue in the server
// make latency grow in step with concurrency: below 2 floors more is still cheap, above 4 the server is drowning.
const GROW_BELOW = 2;
const SHRINK_ABOVE = 4;
/** Lets the floor rise a little with every window: a best moment of long ago must not count for ever. */
const FLOOR_DRIFT = 1.002;

/**
 * How many requests may be under way at once, first come, first served: grows while answers come quickly, halves on
 * a 429 and pauses for its Retry-After, shrinks when latency rises well above its floor. `acquire` rejects with
 * the signal's reason once that is aborted.
 */
export class Limiter {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #max: number;
  readonly #min: number;
  readonly #waiting: Queue<{ grant: (slot: Slot) => void; refuse: (reason: unknown) => void }> = new Queue();
  #limit: number;
  #active = 0;
  #floor = Number.POSITIVE_INFINITY;
  #window = { count: 0, sum: 0 };
  /** Nothing starts until then; ended by its timer alone, which may be a moment early or late by the clock. */
  #pause: { until: number; cancel: () => void } | undefined;
  #halvedAt = Number.NEGATIVE_INFINITY;

  constructor({ clock, signal, start = 12, max = 64, min = 2 }: LimiterOptions) {
    this.#clock = clock;
    this.#signal = signal;
    this.#limit = Math.min(start, max);
    this.#max = max;
    this.#min = min;
    signal.addEventListener('abort', () => this.#refuseAll(), { once: true });
  }

  get limit(): number {
    return this.#limit;
  }

  get active(): number {
    return this.#active;
  }

  acquire(): Promise<Slot> {
    if (this.#signal.aborted) return Promise.reject(this.#signal.reason);
    return new Promise((grant, refuse) => {
      this.#waiting.push({ grant, refuse });
      this.#admit();
    });
  }

  #admit(): void {
    while (!this.#pause && this.#waiting.size > 0 && this.#active < this.#limit) {
      this.#active += 1;
      this.#waiting.shift()!.grant(this.#slot());
    }
  }

  #slot(): Slot {
    const startedAt = this.#clock.now();
    let held = true;
    return {
      release: ({ latency, throttled } = {}) => {
        if (!held) return;
        held = false;
        this.#active -= 1;
        if (throttled) this.#halve(startedAt, throttled.retryAfter);
        else if (latency !== undefined) this.#learn(latency);
        this.#admit();
      },
    };
  }

  #halve(startedAt: number, retryAfter: number): void {
    const now = this.#clock.now();
    // The 429s of requests that were already under way at the last halving say nothing new.
    if (startedAt > this.#halvedAt) {
      this.#limit = Math.max(this.#min, Math.floor(this.#limit / 2));
      this.#halvedAt = now;
      this.#window = { count: 0, sum: 0 };
    }
    const until = now + retryAfter;
    if (this.#pause && this.#pause.until >= until) return;
    this.#pause?.cancel();
    const cancel = this.#clock.after(retryAfter, () => {
      this.#pause = undefined;
      this.#admit();
    });
    this.#pause = { until, cancel };
  }

  #learn(latency: number): void {
    const window = this.#window;
    window.count += 1;
    window.sum += latency;
    if (window.count < Math.max(8, this.#limit)) return;
    const mean = window.sum / window.count;
    this.#window = { count: 0, sum: 0 };
    this.#floor = Math.min(this.#floor * FLOOR_DRIFT, mean);
    if (mean <= this.#floor * GROW_BELOW) {
      // Nobody waits: nothing was learnt about a higher concurrency.
      if (this.#waiting.size > 0)
        this.#limit = Math.min(this.#max, this.#limit + Math.max(1, this.#limit >> 2));
    } else if (mean > this.#floor * SHRINK_ABOVE) {
      // At the minimum it is not our requests that make it slow: this is its speed now.
      if (this.#limit === this.#min) this.#floor = mean;
      this.#limit = Math.max(this.#min, Math.floor(this.#limit * 0.75));
    }
  }

  #refuseAll(): void {
    // Its timer would keep the process.
    this.#pause?.cancel();
    while (this.#waiting.size > 0) this.#waiting.shift()!.refuse(this.#signal.reason);
  }
}

/** An array that is cheap to take from at the front. */
class Queue<T> {
  #items: T[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
