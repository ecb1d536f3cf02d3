import type { Log } from '../../core/daemon/log.ts';
import type { Redis } from './redis.ts';

export interface AnnouncementsOptions {
  redis: Redis;
  /** Before every key. */
  prefix: string;
  log: Log;
  now: () => number;
}

/** How long what was announced holds, in ms, and how often it is announced again. */
const LIFETIME = 5 * 60_000;
const REFRESH_EVERY = 60_000;

interface Announced {
  key: string;
  field: string;
  value: string;
}

/**
 * Hashes in Redis, to which each replica adds fields of its own, and takes them away again. A replica that is killed leaves
 * its fields behind: each has an end, after which nobody sees it.
 */
export class Announcements implements Disposable {
  readonly #options: AnnouncementsOptions;
  readonly #announced = new Map<string, Announced>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#announceAll(), REFRESH_EVERY);
    this.#timer.unref();
    // What was changed while it was away, and what it forgot.
    options.redis.on('ready', () => this.#announceAll());
  }

  announce(key: string, field: string, value = ''): void {
    const announced = { key, field, value };
    this.#announced.set(`${key} ${field}`, announced);
    this.#write([announced]);
  }

  withdraw(key: string, field: string): void {
    if (!this.#announced.delete(`${key} ${field}`)) return;
    this.#settle(this.#options.redis.hDel(this.#keyOf(key), field));
  }

  /** What all replicas announce under the key, field by field. Rejects while Redis is away. */
  async read(key: string): Promise<Map<string, string>> {
    const { redis, now } = this.#options;
    const found = new Map<string, string>();
    const stale: string[] = [];
    for (const [field, text] of Object.entries(await redis.hGetAll(this.#keyOf(key)))) {
      const [, until, value] = /^(\d+) (.*)$/s.exec(text) ?? [];
      if (Number(until) > now()) found.set(field, value!);
      else stale.push(field);
    }
    if (stale.length > 0) this.#settle(redis.hDel(this.#keyOf(key), stale));
    return found;
  }

  /** Says no more of what is announced, and takes it back. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    const all = [...this.#announced.values()];
    this.#announced.clear();
    await Promise.all(
      all.map(({ key, field }) => this.#options.redis.hDel(this.#keyOf(key), field).catch(() => {})),
    );
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #keyOf(key: string): string {
    return `${this.#options.prefix}:${key}`;
  }

  #announceAll(): void {
    this.#write([...this.#announced.values()]);
  }

  #write(all: readonly Announced[]): void {
    if (all.length === 0) return;
    const { redis, now } = this.#options;
    const until = now() + LIFETIME;
    const batch = redis.multi();
    for (const { key, field, value } of all) {
      batch.hSet(this.#keyOf(key), field, `${until} ${value}`);
      batch.pExpire(this.#keyOf(key), LIFETIME);
    }
    this.#settle(batch.execAsPipeline());
  }

  /** What fails is made good at the next refresh, or when Redis comes back. */
  #settle(done: Promise<unknown>): void {
    done.catch((error: Error) => this.#options.log.debug('Redis was not told', { error: error.message }));
  }
}
