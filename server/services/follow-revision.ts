import { Alarm } from '../../core/daemon/time.ts';
import type { FollowedRevision, Seen } from '../../core/follow/followed-revision.ts';
import type { AgentAccess } from '../access/directory.ts';
import { endsAccess } from '../access/recheck.ts';

export interface FollowOptions {
  revision: FollowedRevision;
  access: AgentAccess;
  /** Between two questions whether the agent still may follow, in ms. */
  checkEvery: number;
  /** Ends it, in order. */
  stop: AbortSignal;
}

/**
 * What the revision is, and each newer one, until `stop` ends; who is slow gets the newest only. Rejects with
 * ConnectError once the token is no longer good.
 */
export async function* followRevision(options: FollowOptions): AsyncGenerator<Seen> {
  const { revision, access, checkEvery, stop } = options;
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
        await check(access, stop);
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

async function check(access: AgentAccess, signal: AbortSignal): Promise<void> {
  try {
    await access.check(signal);
  } catch (error) {
    if (endsAccess(error)) throw error;
  }
}
