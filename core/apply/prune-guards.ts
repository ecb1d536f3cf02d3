import type { Allowance } from '../model/allowance.ts';
import type { ApplyError } from '../model/apply.ts';
import type { Resource } from '../model/cluster.ts';
import { dig, isObject } from '../model/json.ts';
import { type KubeObject, managedFieldsOf, type ObjectId, objectKey } from '../model/object.ts';
import { isCrd } from '../plan/crd.ts';
import { covers, fieldsOf, ownFields } from '../plan/field-set.ts';
import { LAST_APPLIED_PATH } from '../plan/ownership.ts';
import { PART_OF } from '../plan/shape.ts';
import { type Extent, extentOfIds, groupKind } from './apply-set.ts';

/** A live object with the label of the set. */
export interface Candidate {
  id: ObjectId;
  resource: Resource;
  live: KubeObject;
}

/** What the guards have to know of a run. */
export interface PruneFacts {
  /** The ID of the set. */
  set: string;
  /** By `objectKey`: what the manifests want. */
  wanted: ReadonlySet<string>;
  /** UIDs of live objects that the manifests want: another API group may serve one of them under another name. */
  wantedUids: ReadonlySet<string>;
  /** The kinds and namespaces of what the manifests want. */
  uses: Extent;
  /** Whether the set was another tool's until now: its members carry that tool's label, not ours. */
  adopting: boolean;
  /** Kinds that may be deleted though much hangs on them, as `groupKind` writes them, in lower case. */
  kinds: ReadonlySet<string>;
  allowance?: Allowance;
  /** Why nothing may be deleted in this run at all. */
  blocked?: ApplyError;
  /** The flags of `apply` where not said. */
  advice?: PruneAdvice;
}

/** How whoever runs this may allow what a guard holds back: hints in the caller's own words. */
export interface PruneAdvice {
  /** For a kind on which much hangs. */
  kind: (kind: string) => string;
  /** For so many deletes in one run. */
  count: (deletes: number) => string;
}

/**
 * What becomes of a candidate: `keep` is no business of this run, `skip` is left alone on purpose, `hold` waits for
 * somebody's word.
 */
export type Decision =
  | { action: 'delete' }
  | { action: 'keep' }
  | { action: 'skip'; error: ApplyError }
  | { action: 'hold'; error: ApplyError };

export const PRUNE = 'agent.gitlab.com/prune';
const FLAGS: PruneAdvice = {
  kind: (kind) => `--prune-kinds ${kind}`,
  count: (deletes) => `--prune-allow ${deletes} if that is meant`,
};
const LABEL_PATH = ['metadata', 'labels', PART_OF];
const SMALL = 20;

// Deleting one of these deletes what it holds: all of a namespace, all objects of a kind, data.
export const PRECIOUS: ReadonlySet<string> = new Set([
  'Namespace',
  'CustomResourceDefinition.apiextensions.k8s.io',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'StatefulSet.apps',
]);

/** Decides on every candidate; the decisions are in their order. */
export function guardPrune(candidates: readonly Candidate[], facts: PruneFacts): Decision[] {
  const each = candidates.map((candidate) => guardOne(candidate, facts));
  const staying = candidates
    .filter((_one, index) => ['skip', 'hold'].includes(each[index]!.action))
    .map(({ id }) => id);
  // What stays must not go with the Namespace that it is in, nor with the CRD of its kind.
  const stays = extentOfIds(staying);
  const decisions = each.map((decision, index) =>
    decision.action === 'delete' && holds(candidates[index]!, stays) ? IN_USE : decision,
  );
  const deletes = decisions.filter(({ action }) => action === 'delete').length;
  const members = candidates.filter(({ live }) => isMember(live, facts));
  const limit = facts.blocked ?? tooMany(deletes, members.length, facts);
  if (!limit) return decisions;
  return decisions.map((decision) =>
    decision.action === 'delete' ? { action: 'hold', error: limit } : decision,
  );
}

/** Decides on one object by itself: asked again when it changed before its delete. */
export function guardOne({ id, live }: Candidate, facts: PruneFacts): Decision {
  const { uid, deletionTimestamp } = live.metadata;
  // It went to another set since it was found.
  if (dig(live, 'metadata', 'labels', PART_OF) !== facts.set) return { action: 'keep' };
  if (facts.wanted.has(objectKey(id)) || facts.wantedUids.has(String(uid)) || deletionTimestamp)
    return { action: 'keep' };
  if (isControlled(live)) return { action: 'keep' };
  if (!isMember(live, facts)) {
    const message = 'it has the label of the set, but somebody else wrote it there';
    return { action: 'skip', error: { reason: 'LabelNotOurs', message } };
  }
  if (dig(live, 'metadata', 'annotations', PRUNE) === 'disabled')
    return { action: 'skip', error: { reason: 'PruneDisabled', message: `annotated ${PRUNE}: disabled` } };
  if (holds({ id, live }, facts.uses)) return IN_USE;
  const kind = groupKind(id);
  if (PRECIOUS.has(kind) && !facts.kinds.has(kind.toLowerCase()) && !facts.kinds.has(id.kind.toLowerCase())) {
    const message = `a ${id.kind} is only deleted where that is asked for by kind`;
    return {
      action: 'hold',
      error: { reason: 'PruneKind', message, hint: (facts.advice ?? FLAGS).kind(id.kind) },
    };
  }
  return { action: 'delete' };
}

/** Controllers copy labels: those of a Service to its EndpointSlices. What they make they also delete. */
export function isControlled({ metadata: { ownerReferences } }: KubeObject): boolean {
  return (
    Array.isArray(ownerReferences) &&
    ownerReferences.some((owner) => isObject(owner) && owner.controller === true)
  );
}

const IN_USE: Decision = {
  action: 'hold',
  error: { reason: 'InUse', message: 'objects that stay would be deleted with it' },
};

/** Whether the object is a Namespace or the CRD of a kind of the extent. */
function holds({ id, live }: Pick<Candidate, 'id' | 'live'>, { groupKinds, namespaces }: Extent): boolean {
  if (groupKind(id) === 'Namespace') return namespaces.has(id.name);
  if (!isCrd(id)) return false;
  const [group, kind] = [dig(live, 'spec', 'group'), dig(live, 'spec', 'names', 'kind')];
  return groupKinds.has(groupKind({ group: String(group), kind: String(kind) }));
}

/** The label counts where our own Apply entry holds it: copied or hand-written ones make no member. */
function isMember(live: KubeObject, { adopting }: PruneFacts): boolean {
  return ownsLabel(live) || (adopting && isApplied(live));
}

/** Whether the label is one that we wrote. */
export function ownsLabel(live: KubeObject): boolean {
  return covers(ownFields(live), LABEL_PATH);
}

/** Whether some tool applied the label, server-side or client-side; controllers and people write it otherwise. */
function isApplied(live: KubeObject): boolean {
  return managedFieldsOf(live).some(
    (entry) =>
      covers(fieldsOf(entry), LABEL_PATH) &&
      (entry.operation === 'Apply' || covers(fieldsOf(entry), LAST_APPLIED_PATH)),
  );
}

function tooMany(
  deletes: number,
  members: number,
  { allowance, advice = FLAGS }: PruneFacts,
): ApplyError | undefined {
  if (members < SMALL || deletes * 2 <= members) return undefined;
  const allowed =
    allowance &&
    ('count' in allowance ? deletes <= allowance.count : deletes * 100 <= members * allowance.percent);
  if (allowed) return undefined;
  const message = `${deletes} of the ${members} members of the set would be deleted`;
  return { reason: 'PruneLimit', message, hint: advice.count(deletes) };
}
