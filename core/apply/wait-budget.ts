import type { Clock } from './clock.ts';

/** The time that all waiting of a run may take together, in ms. Writing does not count. */
export class WaitBudget {
  readonly #clock: Clock;
  readonly #total: number;
  #waiting = 0;
  #since = 0;
  #spent = 0;

  constructor(clock: Clock, total: number) {
    this.#clock = clock;
    this.#total = total;
  }

  get spent(): number {
    return this.#spent + (this.#waiting > 0 ? this.#clock.now() - this.#since : 0);
  }

  get left(): number {
    return Math.max(0, this.#total - this.spent);
  }

  /** Counts the time that something takes; what goes on at the same time counts once. */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    if (this.#waiting === 0) this.#since = this.#clock.now();
    this.#waiting += 1;
    try {
      return await wait();
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#spent += this.#clock.now() - this.#since;
    }
  }
}
