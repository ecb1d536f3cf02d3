import { Alarm } from '../../core/daemon/time.ts';
import type { FollowedRevision, Seen } from '../../core/follow/followed-revision.ts';
import { endsAccess } from '../access/recheck.ts';

export interface FollowOptions {
  revision: FollowedRevision;
  /** Whether the agent still may follow it: rejects with ConnectError where not. */
  check: (signal: AbortSignal) => Promise<unknown>;
  /** Between two such questions, in ms. */
  checkEvery: number;
  /** Ends it, in order. */
  stop: AbortSignal;
}

/**
 * What the revision is, and each newer one, until `stop` ends; who is slow gets the newest only. Rejects with
 * ConnectError once `check` does.
 */
export async function* followRevision(options: FollowOptions): AsyncGenerator<Seen> {
  const { revision, check, checkEvery, stop } = options;
  const alarm = new Alarm();
  let newest: Seen | undefined;
  const unfollow = revision.follow((seen) => {
    newest = seen;
    alarm.ring();
  });
  let checkAt = performance.now() + checkEvery;
  try {
    for (;;) {
      if (!newest) await alarm.wait(Math.max(1, checkAt - performance.now()), stop);
      if (stop.aborted) return;
      if (performance.now() >= checkAt) {
        await mayGoOn(check, stop);
        checkAt = performance.now() + checkEvery;
      }
      const seen: Seen | undefined = newest;
      newest = undefined;
      if (seen) yield seen;
    }
  } finally {
    unfollow();
  }
}

async function mayGoOn(check: FollowOptions['check'], signal: AbortSignal): Promise<void> {
  try {
    await check(signal);
  } catch (error) {
    if (endsAccess(error)) throw error;
  }
}
