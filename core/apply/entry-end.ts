import type { EntryStatus } from '../model/agent-status.ts';
import { isWell } from '../model/health.ts';

/** Whether waiting for what the last pass of an entry has begun makes sense. */
export type EntryEnd =
  | { end: 'well' }
  | { end: 'underWay'; message: string }
  /** `held`: applied, but not healthy, or something waits for somebody's word; else something failed. */
  | { end: 'failed'; held: boolean; message: string };

// What may pass without anybody doing anything: the agent tries again.
const MAY_PASS = new Set([
  'Interrupted',
  'RateLimited',
  'Unavailable',
  'Unreachable',
  'Timeout',
  'Damaged',
  'DiskFull',
  'GitFailed',
]);
const HELD = new Set(['HeldBack', 'PruneBlocked']);

/** How an entry ends, by what its parent says of the revision that was applied last. */
export function entryEnd({ status, sync, wishes, health }: EntryStatus): EntryEnd {
  if (sync === 'Suspended')
    return {
      end: 'failed',
      held: true,
      message: `it is suspended: ${wishes.suspended ?? 'by the configuration'}`,
    };
  if (!status) return { end: 'underWay', message: 'nothing has been done for it yet' };
  const { state, reason, message, unhealthy = [] } = status;
  if (state === 'Syncing') return { end: 'underWay', message: 'it is being applied' };
  if (state === 'Failed' && MAY_PASS.has(reason))
    return { end: 'underWay', message: `${reason}: ${message}; the agent tries again` };
  if (state === 'Failed') return { end: 'failed', held: HELD.has(reason), message: `${reason}: ${message}` };
  const dead = unhealthy.find(({ terminal }) => terminal);
  if (dead)
    return {
      end: 'failed',
      held: true,
      message: `applied, but not healthy: ${dead.object ?? 'an object'}: ${dead.reason}`,
    };
  if (health === undefined) return { end: 'underWay', message: 'it is applied; its objects are looked at' };
  if (isWell(health)) return { end: 'well' };
  const [first] = unhealthy;
  const what = first ? `: ${first.object ?? ''} ${first.message}` : '';
  return { end: 'underWay', message: `it is applied, and ${health}${what}` };
}
