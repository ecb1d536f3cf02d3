import { Backoff } from '../core/daemon/time.ts';
import type { PassResult } from './entry-pass.ts';

/** What began a pass. */
export type Trigger = 'poll' | 'sync' | 'interval' | 'drift' | 'retry';

// In ms.
const RETRY = { first: 5_000, longest: 300_000 };
/** A repair that somebody undoes at once is not repeated at once. */
const DRIFT = { first: 1_000, longest: 300_000 };
/** Who undoes a repair within that time will do so again. */
const UNDONE = 60_000;
/** Drift that has to wait for longer than that is somebody else's work. */
const CONTESTED = 8_000;

/** When one revision is looked through again: after a failure, after drift, and each time that its interval is over. */
export class Schedule {
  readonly #intervalMs: number;
  readonly #random: () => number;
  readonly #retry: Backoff;
  readonly #contest: Backoff;
  #isSettled = false;
  #retryAt = 0;
  #repairAt = Number.POSITIVE_INFINITY;
  #repairedAt = 0;
  #intervalAt = 0;

  /** `intervalMs` varies by a twentieth, so that many do not come back at once; `random` in [0, 1). */
  constructor(intervalMs: number, random: () => number) {
    this.#intervalMs = intervalMs;
    this.#random = random;
    this.#retry = new Backoff(RETRY.first, RETRY.longest, random);
    this.#contest = new Backoff(DRIFT.first, DRIFT.longest, random);
  }

  /** Whether the last pass left nothing to be tried again. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Whatever came of the last pass: it takes another one. */
  again(): void {
    this.#isSettled = false;
    this.#retryAt = 0;
  }

  /** Another revision is there, and has not failed yet. */
  renew(): void {
    this.#retry.reset();
    this.#retryAt = 0;
  }

  /** A pass begins, which repairs whatever has drifted. */
  begin(): void {
    this.#repairAt = Number.POSITIVE_INFINITY;
  }

  /** A pass has ended at `now` (ms). */
  end({ isSynced, mayPass, isInterrupted }: PassResult, now: number): void {
    this.#intervalAt = now + this.#intervalMs * (0.95 + this.#random() / 10);
    this.#isSettled = isSynced || !mayPass;
    if (isInterrupted) this.again();
    else if (isSynced) this.#retry.reset();
    else this.#retryAt = now + this.#retry.next();
  }

  /** Drift was repaired. */
  repaired(now: number): void {
    this.#repairedAt = now;
  }

  /** Drift was seen; returns whether it comes back again and again. */
  drifted(now: number): boolean {
    if (now - this.#repairedAt > UNDONE) this.#contest.reset();
    const wait = this.#contest.next();
    this.#repairAt = Math.min(this.#repairAt, now + wait / 2);
    return wait > CONTESTED;
  }

  /** Why a pass is due at `now`, or in how many ms one is. While the repository can't be read, the interval is none. */
  due(now: number, { isReadable }: { isReadable: boolean }): Trigger | number {
    const retryAt = this.#isSettled ? Number.POSITIVE_INFINITY : this.#retryAt;
    // Looking through everything would only unsay that it can't be read.
    const intervalAt = isReadable ? this.#intervalAt : Number.POSITIVE_INFINITY;
    if (now >= retryAt) return 'retry';
    if (now >= this.#repairAt) return 'drift';
    if (now >= intervalAt) return 'interval';
    return Math.min(retryAt, this.#repairAt, intervalAt) - now;
  }
}
