import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Log } from '../../core/daemon/log.ts';
import type { Redis } from './redis.ts';

export interface AnnouncementsOptions {
  redis: Redis;
  /** Before every key. */
  prefix: string;
  /** The secret of all replicas. */
  key: () => Promise<Uint8Array>;
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
 * its fields behind: each has an end, after which nobody sees it. Each is signed: whoever else writes to Redis leads no
 * request astray.
 */
export class Announcements implements Disposable {
  readonly #options: AnnouncementsOptions;
  readonly #announced = new Map<string, Announced>();
  readonly #timer: NodeJS.Timeout;
  /** What was said to Redis so far, in its order. */
  #said: Promise<void> = Promise.resolve();

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
    this.#say(async () => this.#settle(this.#options.redis.hDel(this.#keyOf(key), field)));
  }

  /** What all replicas announce under the key, field by field. Rejects while Redis is away. */
  async read(key: string): Promise<Map<string, string>> {
    const { redis, now } = this.#options;
    const secret = await this.#options.key();
    const found = new Map<string, string>();
    const stale: string[] = [];
    for (const [field, text] of Object.entries(await redis.hGetAll(this.#keyOf(key)))) {
      const [, until = '', signature = '', value = ''] = /^(\d+) ([\w-]+) (.*)$/s.exec(text) ?? [];
      const signed = signatureOf({ key, field, value }, until, secret);
      const isOurs = signature.length === signed.length && isSame(signature, signed);
      if (isOurs && Number(until) > now()) found.set(field, value);
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
    await this.#said;
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
    this.#say(async () => {
      const { redis, now } = this.#options;
      const secret = await this.#options.key();
      const until = String(now() + LIFETIME);
      const batch = redis.multi();
      for (const announced of all) {
        const key = this.#keyOf(announced.key);
        const signature = signatureOf(announced, until, secret);
        batch.hSet(key, announced.field, `${until} ${signature} ${announced.value}`);
        batch.pExpire(key, LIFETIME);
      }
      this.#settle(batch.execAsPipeline());
    });
  }

  /** One after the other; but nothing waits for what Redis answers. */
  #say(say: () => Promise<void>): void {
    this.#said = this.#said.then(say);
    this.#settle(this.#said);
    this.#said = this.#said.catch(() => {});
  }

  /** What fails is made good at the next refresh, or when Redis comes back. */
  #settle(done: Promise<unknown>): void {
    done.catch((error: Error) => this.#options.log.debug('Redis was not told', { error: error.message }));
  }
}

/** The first word tells it from all else that is signed with the secret. */
function signatureOf({ key, field, value }: Announced, until: string, secret: Uint8Array): string {
  return createHmac('sha256', secret)
    .update(JSON.stringify(['announcement', key, field, until, value]))
    .digest('base64url');
}

function isSame(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
