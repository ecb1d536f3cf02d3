import type { Allowance } from '../model/allowance.ts';
import type { ApplyError, ApplySetId } from '../model/apply.ts';
import type { Cluster, Discovery, Propagation } from '../model/cluster.ts';
import type { Manifest } from '../model/manifest.ts';
import { objectKey } from '../model/object.ts';
import type { Change } from '../model/plan.ts';
import { type PlanOptions, planObjects, type Step, type Steps } from '../plan/plan.ts';
import { type Extent, extentOfIds, unionExtent } from './apply-set.ts';
import { findLabelled } from './candidates.ts';
import { type Membership, withMembership } from './membership.ts';
import { type FoundSet, findSet, refuseParentAsMember } from './parent.ts';
import { type PruneStep, planPrune } from './prune.ts';
import type { Candidate, PruneAdvice, PruneFacts } from './prune-guards.ts';
import type { RecordOptions } from './recorder.ts';

/** What the user says of the apply set of a run. */
export interface SetOptions {
  set: ApplySetId;
  /** Delete the members that left the manifests. */
  prune: boolean;
  allowance?: Allowance;
  /** Kinds that may be pruned though much hangs on them, in lower case. */
  pruneKinds: ReadonlySet<string>;
  /** Kinds that are left alone: their members are not looked for. */
  isExcluded?: (kind: { group: string; kind: string }) => boolean;
  /** How to allow what the guards hold back; the flags of `apply` where not said. */
  advice?: PruneAdvice;
  /** What becomes of what deleted objects own; `Background` where not said. */
  propagation?: Propagation;
  /** The set as a whole is to go: that nothing is wanted of it any more is no mistake. */
  removal?: boolean;
  /** Of this program, for the parent's tooling annotation. */
  version: string;
  /** What the parent tells of the run. */
  record?: RecordOptions;
}

export interface RunOptions extends PlanOptions {
  applySet?: SetOptions;
  /** IDs of other sets whose members may be taken over. */
  adopted?: Membership['adopted'];
  /** Leave objects alone that are there already and belong to no set. */
  refuseUnowned?: boolean;
}

/** A plan of objects to write and, where asked for, to delete. */
export interface PlannedRun extends Steps {
  discovery: Discovery;
  set?: FoundSet;
  /** What a prune has found; absent where none was asked for. */
  prune?: PlannedPrune;
  /** Plans some of the manifests anew, with the kinds that are served by then. */
  planAgain(steps: readonly Step[]): Promise<readonly Step[]>;
}

export interface PlannedPrune {
  candidates: readonly Candidate[];
  facts: PruneFacts;
  steps: PruneStep[];
  /** Places of which it could not be told whether members are there. */
  unknown: Change[];
  /** Kinds of the parent that are not served at the moment. */
  unserved: readonly string[];
}

/**
 * Plans a whole run: what the manifests want, whose the live objects are, and what left the set. Nothing is written.
 * Throws ProblemError for contradictions in the set, and where its parent can't be used.
 */
export async function planRun(
  cluster: Cluster,
  manifests: readonly Manifest[],
  options: RunOptions,
): Promise<PlannedRun> {
  const { applySet, adopted = new Set<string>(), refuseUnowned = false } = options;
  if (applySet) refuseParentAsMember(applySet.set, manifests);
  const set =
    applySet &&
    (await findSet(cluster, await cluster.discover(), applySet.set, adopted === 'all' ? new Set() : adopted));
  const membership: Membership = { set: applySet?.set.id, adopted, refuseUnowned };
  const planOptions: PlanOptions = { ...options, partOf: applySet?.set.id };
  const planned = await planObjects(cluster, manifests, planOptions);
  const steps = planned.steps.map((step) => withMembership(step, membership));
  // What was planned again has seen kinds and versions that the first plan could not know.
  const newest = new Map<Manifest, Steps>();
  const run: PlannedRun = {
    steps,
    // After the objects were planned, which may have found it out of date.
    discovery: await cluster.discover(),
    ...(set && { set }),
    servedVersions: planned.servedVersions,
    judgeAgain: async (step) => {
      const { judgeAgain } = newest.get(step.manifest) ?? planned;
      return withMembership(await judgeAgain(step), membership);
    },
    planAgain: async (stale) => {
      const again = stale.map(({ manifest }) => manifest);
      const fresh = await planObjects(cluster, again, { ...planOptions, onProgress: undefined });
      for (const manifest of again) newest.set(manifest, fresh);
      run.servedVersions = fresh.servedVersions;
      return fresh.steps.map((step) => withMembership(step, membership));
    },
  };
  if (applySet?.prune && set) run.prune = await findPrune(cluster, run, set, applySet, options);
  return run;
}

/** All changes of a run as they are shown: what is written, then what is deleted. */
export function changesOf({ steps, prune }: PlannedRun): Change[] {
  return [
    ...(prune?.unknown ?? []),
    ...steps.map(({ change }) => change),
    ...(prune?.steps ?? []).map(({ change }) => change),
  ];
}

/** Where the members of a set are that the steps write. */
export function extentOf(steps: readonly Step[]): Extent {
  return extentOfIds(steps.filter(({ change }) => change.action !== 'skip').map(({ change }) => change.id));
}

async function findPrune(
  cluster: Cluster,
  { discovery, steps }: PlannedRun,
  { set, live }: FoundSet,
  { allowance, pruneKinds, isExcluded, advice, removal = false }: SetOptions,
  { gate }: RunOptions,
): Promise<PlannedPrune> {
  // Also where the manifests are: the parent may have been deleted, or restored from an older state.
  const here = extentOf(steps);
  const extent = live ? unionExtent(live.extent, here) : here;
  const { candidates, unknown, unserved } = await findLabelled(
    cluster,
    discovery,
    set,
    extent,
    gate,
    isExcluded,
  );
  const blocked = blockedBy(steps, unknown, removal);
  // What could not be told may be, and be written, once a CRD of the set is: apply asks again then.
  const untold = steps.filter(({ change }) => change.action === 'unknown').length;
  const facts: PruneFacts = {
    set: set.id,
    wanted: new Set(steps.map(({ change }) => objectKey(change.id))),
    wantedUids: new Set(steps.flatMap((step) => (step.live ? [String(step.live.metadata.uid)] : []))),
    uses: here,
    adopting: live?.adoptedFrom !== undefined,
    kinds: pruneKinds,
    ...(advice && { advice }),
    ...(allowance && { allowance }),
    ...(blocked && { blocked }),
  };
  const planned = blocked || untold === 0 ? facts : { ...facts, blocked: notTold(untold) };
  return { candidates, facts, steps: planPrune(candidates, planned, gate), unknown, unserved };
}

function blockedBy(
  steps: readonly Step[],
  unknown: readonly Change[],
  removal: boolean,
): ApplyError | undefined {
  if (unknown.length > 0) return notTold(unknown.length);
  // Rather a mistake before us than a wish for nothing.
  if (!removal && steps.every(({ change }) => change.action === 'skip'))
    return { reason: 'EmptySource', message: 'nothing is deleted because of a source without objects' };
  return undefined;
}

function notTold(count: number): ApplyError {
  return {
    reason: 'PruneBlocked',
    message: `nothing is deleted while ${count} of the set could not be told`,
  };
}
