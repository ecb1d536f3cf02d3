import type { ApplyError, Outcome } from '../model/apply.ts';
import type { Change } from '../model/plan.ts';
import { ProblemError } from '../model/problem.ts';

export function failed(change: Change, error: ApplyError): Outcome {
  return { change, result: 'failed', error };
}

/** Not done against the wish of the plan; the error says why, and what allows it. */
export function heldBack(change: Change, error: ApplyError): Outcome {
  return { change, result: 'skipped', error };
}

export const INTERRUPTED: ApplyError = {
  reason: 'Interrupted',
  message: 'the run was interrupted before its turn',
  hint: 'run apply again',
};

/**
 * What an exception leaves of an object: whatever ends a request from outside must not hide what became of the
 * others. Throws what is no such end.
 */
export function cutOff(change: Change, error: unknown, stop: AbortSignal): Outcome {
  if (error instanceof ProblemError) {
    const { code: reason, message, hint } = error.problems[0]!;
    return failed(change, { reason, message, ...(hint && { hint }) });
  }
  if (!stop.aborted) throw error;
  const message = 'the run was interrupted while it was written: it may be written or not';
  return failed(change, { reason: 'Interrupted', message, hint: 'run apply again' });
}

/** What the plan itself settles without a write; undefined for all that has to be carried out. */
export function settled(change: Change): Outcome | undefined {
  const { action, reason = 'Unknown', message = 'nothing could be told of it' } = change;
  if (action === 'unknown') return failed(change, { reason, message });
  if (action === 'skip') return { change, result: 'skipped' };
  // Values that are the same but owned by nobody or others are written once: else they could never be removed.
  if (action === 'unchanged' && reason !== 'Ownership' && reason !== 'VersionGone')
    return { change, result: 'unchanged' };
  return undefined;
}
