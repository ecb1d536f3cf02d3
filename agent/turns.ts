import { pause } from '../core/daemon/time.ts';

/** As many at once: reading and planning keep the processor, and each fetch is a process. */
const AT_ONCE = 6;
/** What takes longer waits for somebody else, and does not keep the others from their turn. In ms. */
const PATIENCE = 3_000;

/** Lets some in at once, in the order in which they came. */
export class Turns {
  #free = AT_ONCE;
  readonly #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Waits for a turn; how to give it back, which may be called more than once. */
  async take(signal: AbortSignal): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let held = true;
    const given = new AbortController();
    const release = (): void => {
      if (!held) return;
      held = false;
      given.abort();
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    };
    void pause(PATIENCE, AbortSignal.any([signal, given.signal])).then(release);
    return release;
  }
}
