/** A clock whose hands a test turns; they stand still while a request is under way. */
export class Hands {
  #now = 0;
  #underWay = 0;
  #sleepers: { at: number; wake: () => void }[] = [];

  readonly now = (): number => this.#now;

  /** Waits, at most until the signal ends; never rejects. */
  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      });
    });

  /** Keeps the hands where they are until the request has its answer. */
  async still<T>(request: Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await request;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Turns the hands on, from one sleeper's time to the next, and ends when all that follows from it is done. */
  async turn(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await this.#quiet();
      const due = Math.min(...this.#sleepers.map(({ at }) => at));
      if (due > until) break;
      this.#now = due;
      const awake = this.#sleepers.filter(({ at }) => at === due);
      this.#sleepers = this.#sleepers.filter((sleeper) => !awake.includes(sleeper));
      for (const { wake } of awake) wake();
    }
    this.#now = until;
  }

  async #quiet(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.#underWay > 0);
  }
}
