/** The limits that an administrator can switch on. Without options nothing is limited. */
import type { IncomingMessage } from 'node:http';
import { type Answer, text } from './answer.ts';
import type { World } from './world.ts';

export interface LimitOptions {
  /** Of the API, for each credential, and for all who send none together. */
  requestsPerMinute?: number;
  /** Of each user. */
  notesPerMinute?: number;
  /** How many logins to git may fail within three minutes; then git answers 403 for an hour. GitLab's own: 30. */
  gitLoginFailures?: number;
}

const MINUTE_MS = 60_000;

export class Limits {
  readonly #world: World;
  readonly #options: LimitOptions;
  readonly #requests = new Map<string, { period: number; count: number }>();
  readonly #notes = new Map<number, number[]>();
  #loginFailures: number[] = [];
  #bannedUntil = 0;

  constructor(world: World, options: LimitOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** Counts a request to the API. `headers` go onto its answer, `refusal` in its place. */
  count(request: IncomingMessage): { headers: Record<string, string>; refusal?: Answer } {
    const limit = this.#options.requestsPerMinute;
    if (limit === undefined) return { headers: {} };
    const key = String(request.headers['private-token'] ?? request.headers.authorization ?? '');
    const now = this.#world.now().getTime();
    // Periods are counted from the beginning of time, not from the first request.
    const period = Math.floor(now / MINUTE_MS);
    const before = this.#requests.get(key);
    const count = before?.period === period ? before.count + 1 : 1;
    this.#requests.set(key, { period, count });
    const end = (period + 1) * MINUTE_MS;
    const five = {
      'ratelimit-limit': String(limit),
      'ratelimit-name': key === '' ? 'throttle_unauthenticated_api' : 'throttle_authenticated_api',
      'ratelimit-observed': String(count),
      'ratelimit-remaining': String(Math.max(0, limit - count)),
      'ratelimit-reset': String(end / 1000),
    };
    if (count > limit) {
      const more = {
        'ratelimit-resettime': new Date(end).toUTCString(),
        'retry-after': String(Math.ceil((end - now) / 1000)),
      };
      return { headers: {}, refusal: text(429, 'Retry later\n', { ...five, ...more }) };
    }
    return { headers: this.#world.version.atLeast('18.0') ? five : {} };
  }

  /** Whether a user may write one more note now; it counts. */
  takeNote(userId: number): boolean {
    const limit = this.#options.notesPerMinute;
    if (limit === undefined) return true;
    const now = this.#world.now().getTime();
    const recent = (this.#notes.get(userId) ?? []).filter((time) => time > now - MINUTE_MS);
    if (recent.length >= limit) return false;
    this.#notes.set(userId, [...recent, now]);
    return true;
  }

  /** Whether git is closed to this address: everybody here has the same. */
  get banned(): boolean {
    return this.#world.now().getTime() < this.#bannedUntil;
  }

  loginFailed(): void {
    const limit = this.#options.gitLoginFailures;
    if (limit === undefined) return;
    const now = this.#world.now().getTime();
    this.#loginFailures = [...this.#loginFailures.filter((time) => time > now - 3 * MINUTE_MS), now];
    if (this.#loginFailures.length >= limit) this.#bannedUntil = now + 60 * MINUTE_MS;
  }
}
