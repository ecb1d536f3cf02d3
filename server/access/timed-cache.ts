import { Code, ConnectError } from '@connectrpc/connect';

/** How long an answer holds, or a failure, in ms; 0: it is not kept. */
export type Lifetime = (failure?: { error: unknown }) => number;

// Of what may pass nothing is kept: the next one who asks gets the truth.
const KEPT_CODES = new Set([Code.Unauthenticated, Code.PermissionDenied, Code.NotFound]);

/** Good answers hold for `ttl`, refusals for `errorTtl`, in ms. */
export function lifetimes({ ttl, errorTtl }: { ttl: number; errorTtl: number }): Lifetime {
  return (failure) => {
    if (!failure) return ttl;
    return KEPT_CODES.has(ConnectError.from(failure.error).code) ? errorTtl : 0;
  };
}

interface Entry<V> {
  answer: Promise<V>;
  /** Infinite while it is being found out. */
  until: number;
  isGood: boolean;
}

/** Remembers answers for a while. Whoever asks for what is being found out waits for the same answer. */
export class TimedCache<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #lifetime: Lifetime;
  readonly #most: number;
  readonly #now: () => number;

  constructor(lifetime: Lifetime, most: number, now: () => number) {
    this.#lifetime = lifetime;
    this.#most = most;
    this.#now = now;
  }

  get(key: string, ask: () => Promise<V>): Promise<V> {
    const found = this.#entries.get(key);
    if (found && found.until > this.#now()) return found.answer;
    const entry: Entry<V> = { answer: ask(), until: Number.POSITIVE_INFINITY, isGood: false };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.answer.then(
      () => {
        entry.isGood = true;
        entry.until = this.#now() + this.#lifetime();
      },
      (error: unknown) => {
        entry.until = this.#now() + this.#lifetime({ error });
      },
    );
    // The oldest go first: what is in use is asked for again.
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#most) break;
      this.#entries.delete(oldest);
    }
    return entry.answer;
  }

  /** What was found out elsewhere says that a good answer still holds. */
  renew(key: string): void {
    const entry = this.#entries.get(key);
    if (entry?.isGood) entry.until = this.#now() + this.#lifetime();
  }

  /** Whether the last answer was good and still holds. */
  holds(key: string): boolean {
    const entry = this.#entries.get(key);
    return entry?.isGood === true && entry.until > this.#now();
  }
}
