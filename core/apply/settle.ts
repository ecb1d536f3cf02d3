import type { Outcome } from '../model/apply.ts';
import type { Cluster } from '../model/cluster.ts';
import type { Change } from '../model/plan.ts';
import type { SecretGate } from '../plan/secret-gate.ts';
import { type Extent, groupKind, sameExtent } from './apply-set.ts';
import { findLabelled } from './candidates.ts';
import { coverSet, type FoundSet, narrowSet, type Telling, widenSet } from './parent.ts';
import { extentOf, type PlannedPrune, type PlannedRun } from './plan-run.ts';
import { LINGERS } from './prune.ts';
import { type Candidate, guardOne, ownsLabel } from './prune-guards.ts';

export interface Settling {
  cluster: Cluster;
  run: PlannedRun;
  /** As it was after it was widened. */
  set: FoundSet;
  version: string;
  gate: SecretGate;
  /** What the parent tells of the run from now on. */
  telling: Telling;
}

/** What a prune that saw to everything had planned, and what became of it. */
export interface Pruned {
  planned: PlannedPrune;
  pruned: readonly Outcome[];
}

/**
 * Leaves the parent as it has to be after a run: covering all that was written and all that is left, and, where the
 * run saw to everything, no more than that; and telling what the run did, by the same write. Returns it as it is
 * then. Throws ProblemError where it can't be read or written.
 */
export async function settleSet(
  settling: Settling,
  written: readonly Outcome[],
  prune?: Pruned,
): Promise<FoundSet> {
  const { cluster, run, set, version, telling } = settling;
  const { discovery } = run;
  const { extent } = set.live!;
  const wrote = written.some(({ result }) => result === 'applied' || result === 'failed');
  const covering = wrote ? await coverSet(cluster, discovery, set, extent, version) : set;
  const narrow =
    prune && sameExtent(covering.live!.extent, extent)
      ? await narrowed(settling, covering, written, prune)
      : covering;
  // Where it was not narrowed, or somebody else wrote it just then.
  return widenSet(cluster, discovery, narrow, narrow.live!.extent, version, telling);
}

async function narrowed(
  { cluster, run, set, version, gate, telling }: Settling,
  now: FoundSet,
  written: readonly Outcome[],
  prune: Pruned,
): Promise<FoundSet> {
  const { discovery } = run;
  const { planned, pruned } = prune;
  const left = leftOf(planned, pruned);
  const extent = extentLeft(run, planned, left);
  const isComplete = !written.some(({ error }) => error);
  const theirs = left.some((one) => guardOne(one, planned.facts).action !== 'keep' && !ownsLabel(one.live));
  const adoptedFrom = isComplete && !theirs ? undefined : set.live!.adoptedFrom;
  const isEmpty = async (whole: Extent): Promise<boolean> => {
    const places = placesLost(whole, extent);
    const { candidates, unknown } = await findLabelled(cluster, discovery, set.set, places, gate);
    const lost = candidates.filter(
      (one) => !within(one, extent, set) && guardOne(one, planned.facts).action !== 'keep',
    );
    return lost.length === 0 && unknown.length === 0;
  };
  return narrowSet(cluster, discovery, now, { extent, adoptedFrom }, { version, telling, isEmpty });
}

/** The parent itself, for what could not be done about it. */
export function parentChange({ set: { namespace, name } }: FoundSet): Change {
  return { id: { group: '', version: 'v1', kind: 'ConfigMap', namespace, name }, action: 'update' };
}

/** Members that are not there any more need no place in the parent; whatever else was found does. */
function leftOf({ candidates }: PlannedPrune, pruned: readonly Outcome[]): Candidate[] {
  const gone = new Set(
    pruned
      .filter(({ result, change }) => result === 'pruned' && change.reason !== LINGERS)
      .map(({ change }) => change.id),
  );
  return candidates.filter(({ id }) => !gone.has(id));
}

function extentLeft({ steps }: PlannedRun, { unserved }: PlannedPrune, left: readonly Candidate[]): Extent {
  const { groupKinds, namespaces } = extentOf(steps);
  return {
    groupKinds: groupKinds.union(new Set([...left.map(({ id }) => groupKind(id)), ...unserved])),
    namespaces: namespaces.union(new Set(left.flatMap(({ id }) => id.namespace ?? []))),
  };
}

/** Where to look for what `part` does not cover: kinds that are gone from it, or all where a namespace is. */
function placesLost(whole: Extent, part: Extent): Extent {
  const { groupKinds, namespaces } = whole;
  if (!namespaces.isSubsetOf(part.namespaces)) return whole;
  return { groupKinds: groupKinds.difference(part.groupKinds), namespaces };
}

function within({ id }: Candidate, { groupKinds, namespaces }: Extent, { set }: FoundSet): boolean {
  const { namespace } = id;
  const isPlace = namespace === undefined || namespace === set.namespace || namespaces.has(namespace);
  return groupKinds.has(groupKind(id)) && isPlace;
}
