import { parseDuration } from '../../core/kube/timeout.ts';
import type { LogSelection } from '../../core/model/cluster.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { LogsFlags } from '../commands/logs.ts';

/** How much of the log is wanted, before lines are chosen by what they say. */
export interface LogRequest {
  previous: boolean;
  follow: boolean;
  /** In whole seconds. */
  since?: number;
  /** The last so many lines, of those that are chosen. */
  tail?: number;
}

/** Reads the flags that say how much of the log is wanted. Throws ProblemError. */
export function logRequest({ previous, follow, since, tail }: LogsFlags): LogRequest {
  if (previous && follow)
    throw usage(
      '-p and -f exclude each other: a run that has ended says nothing more',
      'leave one of them out',
    );
  // As in kubectl, -1 is all.
  if (tail !== undefined && !(Number.isInteger(tail) && tail >= -1))
    throw usage('--tail needs a whole number', '--tail 100; -1 is all');
  const age = since === undefined ? undefined : parseDuration(since);
  if (since !== undefined && !(age !== undefined && age > 0))
    throw usage(`${JSON.stringify(since)} is no duration`, 'write it as 30s, 15m or 2h');
  return {
    previous,
    follow,
    ...(age !== undefined && { since: Math.ceil(age / 1000) }),
    ...(tail !== undefined && tail >= 0 && { tail }),
  };
}

/** What is asked of the API server; where lines are chosen here, the last ones are counted here, too. */
export function selectionOf({ previous, since, tail }: LogRequest, areChosen: boolean): LogSelection {
  return {
    previous,
    ...(since !== undefined && { sinceSeconds: since }),
    ...(tail !== undefined && !areChosen && { tailLines: tail }),
  };
}

function usage(message: string, hint: string): ProblemError {
  return new ProblemError({ code: 'Usage', message, hint });
}
