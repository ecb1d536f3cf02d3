import { Code, ConnectError } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import { PerMinute } from './attempts.ts';

/** Attempts with a bad token in a minute. Whoever has a good one is let in all the same. */
const FAILURES_PER_ADDRESS = 60;
const FAILURES_PER_TOKEN = 10;

/** Keeps those out for a minute who try one token after the other, or a bad one again and again. */
export class FailedAttempts {
  readonly #ofAddress: PerMinute;
  readonly #ofToken: PerMinute;
  readonly #log: Log;

  constructor(log: Log, now: () => number) {
    this.#ofAddress = new PerMinute(FAILURES_PER_ADDRESS, now);
    this.#ofToken = new PerMinute(FAILURES_PER_TOKEN, now);
    this.#log = log;
  }

  /**
   * Runs `admit`, and counts where it refuses. `tokenKey`: a digest of the token. Rejects with RESOURCE_EXHAUSTED, without
   * having asked, where there have been too many.
   */
  async guard<T>(
    address: string,
    tokenKey: string,
    isKnown: () => boolean,
    admit: () => Promise<T>,
  ): Promise<T> {
    if ((this.#ofAddress.isExhausted(address) || this.#ofToken.isExhausted(tokenKey)) && !isKnown())
      throw new ConnectError('too many failed attempts, try again in a minute', Code.ResourceExhausted);
    try {
      return await admit();
    } catch (error) {
      if (isRefusal(error)) {
        const isLast = this.#ofAddress.add(address);
        if (this.#ofToken.add(tokenKey) || isLast) this.#log.warn('Too many failed attempts', { address });
      }
      throw error;
    }
  }
}

/** Whoever is somebody, and may not do this, does not guess tokens. */
function isRefusal(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Unauthenticated;
}
