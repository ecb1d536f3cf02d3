import { type ApplySetId, isHeldBack, type Outcome } from '../model/apply.ts';
import type { ApiFailure, Cluster } from '../model/cluster.ts';
import type { SecretGate } from '../plan/secret-gate.ts';
import { failed } from './outcome.ts';
import { planRun } from './plan-run.ts';
import { LINGERS, prune } from './prune.ts';

export interface RemovalOptions {
  /** Kinds that may be deleted though much hangs on them, in lower case. */
  pruneKinds: ReadonlySet<string>;
  /** Of this program. */
  version: string;
  gate: SecretGate;
  /** Aborted when no further object may be begun. */
  stop: AbortSignal;
}

/**
 * Deletes all members of a set because the set as a whole is to go, behind the guards of single objects, and the
 * parent once nothing is left of it. `isEmpty` tells whether that is so; finalizers, and objects that are kept, hold
 * it, and so do kinds that are not served now (`unserved`). `parentFailure`: why the parent of an empty set is still
 * there. Throws ProblemError where the parent can't be used.
 */
export async function removeSet(
  cluster: Cluster,
  set: ApplySetId,
  { pruneKinds, version, gate, stop }: RemovalOptions,
): Promise<{
  outcomes: Outcome[];
  isEmpty: boolean;
  unserved: readonly string[];
  parentFailure?: ApiFailure;
}> {
  const run = await planRun(cluster, [], {
    applySet: { set, prune: true, pruneKinds, version, removal: true, allowance: { percent: 100 } },
    namespace: set.namespace,
    enforceNamespace: false,
    gate,
  });
  const { unknown, steps, facts, unserved } = run.prune!;
  const untold = unknown.map((change) => {
    const { reason = 'Unknown', message = '' } = change;
    return failed(change, { reason, message });
  });
  const pruned = await prune({ cluster, gate, facts, exact: false, stop, onOutcome: () => undefined }, steps);
  const outcomes = [...untold, ...pruned];
  const isEmpty =
    unserved.length === 0 &&
    outcomes.every((outcome) => {
      const { result, change } = outcome;
      return result === 'pruned' && change.reason !== LINGERS && !isHeldBack(outcome);
    });
  const parent = run.set?.live;
  const told = { outcomes, isEmpty, unserved };
  if (!isEmpty || !parent || stop.aborted) return told;
  const { uid, resourceVersion } = parent;
  const answer = await cluster.delete(run.set!.ref, {
    uid,
    resourceVersion,
    propagation: 'Background',
    dryRun: false,
  });
  const isGone = answer.ok || answer.failure.status === 404;
  return isGone ? told : { ...told, parentFailure: answer.failure };
}
