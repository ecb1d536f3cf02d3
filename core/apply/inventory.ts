import { judgeHealth } from '../health/judge.ts';
import type { Cluster, Discovery, Resource } from '../model/cluster.ts';
import { dig } from '../model/json.ts';
import { formatObject, type ObjectId } from '../model/object.ts';
import type { Change } from '../model/plan.ts';
import type { Member, SetInventory } from '../model/record.ts';
import { describeFailure } from '../plan/failure.ts';
import type { SecretGate } from '../plan/secret-gate.ts';
import { groupKind } from './apply-set.ts';
import { findLabelled } from './candidates.ts';
import type { LiveSet } from './find-sets.ts';
import { type Candidate, isControlled, ownsLabel, PRUNE } from './prune-guards.ts';
import { readRecord } from './read-record.ts';
import { sideBySide } from './side-by-side.ts';

/** The members of a set, in a fixed order, and the places of which that could not be told. */
export interface FoundMembers {
  members: Member[];
  unknown: Change[];
}

/**
 * Finds the members of a set by their label, which counts where our own Apply entry holds it, and holds them against
 * the places that the parent tells. Reads only.
 */
export async function findMembers(
  cluster: Cluster,
  discovery: Discovery,
  { set, live }: LiveSet,
  { gate, now }: { gate: SecretGate; now: Date },
): Promise<FoundMembers> {
  const { inventory } = readRecord(live.data);
  const { candidates, unknown } = await findLabelled(cluster, discovery, set, live.extent, gate);
  const own = candidates.filter((candidate) => !isControlled(candidate.live));
  const found = own.map((candidate) => labelled(candidate, inventory, now));
  const known = new Set(own.map(({ id }) => formatObject(id)));
  const unseen = listed(inventory, discovery).filter(
    ({ id }) => !known.has(formatObject(id)) && !unknown.some(({ id: place }) => isWithin(id, place)),
  );
  const absent: Member[] = [];
  await sideBySide(unseen, async ({ id, source, resource }) => {
    const member = { id, source };
    if (!resource) {
      absent.push({ ...member, state: 'missing', message: 'the API server does not serve its kind' });
      return;
    }
    const answer = await cluster.get({ resource, namespace: id.namespace, name: id.name });
    if (answer.ok)
      absent.push({ ...member, state: 'unlabelled', health: judgeHealth(answer.value, { now }) });
    else if (answer.failure.status === 404) absent.push({ ...member, state: 'missing' });
    else unknown.push({ id, action: 'unknown', ...describeFailure(id, answer.failure, gate) });
  });
  const key = ({ id }: { id: ObjectId }): string => `${id.namespace ?? ''}\n${formatObject(id)}`;
  const byKey = (a: { id: ObjectId }, b: { id: ObjectId }): number => (key(a) < key(b) ? -1 : 1);
  return { members: [...found, ...absent].sort(byKey), unknown: unknown.sort(byKey) };
}

function labelled({ id, live }: Candidate, inventory: SetInventory | undefined, now: Date): Member {
  const source = inventory && placeOf(inventory, id);
  const isComplete = inventory !== undefined && !inventory.leftOut;
  return {
    id,
    state: !ownsLabel(live) ? 'foreign' : source === undefined && isComplete ? 'left' : 'present',
    ...(source !== undefined && { source }),
    health: judgeHealth(live, { now }),
    ...(dig(live, 'metadata', 'annotations', PRUNE) === 'disabled' && { pruneDisabled: true }),
  };
}

/** An object of the manifests, as the parent tells it. */
export interface Listed {
  id: ObjectId;
  source: string;
  /** Absent where its kind is not served. */
  resource?: Resource;
}

/** What the parent says is in the manifests. */
export function listed(inventory: SetInventory | undefined, { resources }: Discovery): Listed[] {
  const kinds = new Map(resources.toReversed().map((one) => [groupKind(one).toLowerCase(), one]));
  return [...(inventory?.objects ?? [])].flatMap(([heading, members]) => {
    const [kindName = '', namespace] = heading.split(' -n ');
    const resource = kinds.get(kindName);
    const [kind = '', ...group] = kindName.split('.');
    const { version = '', ...named } = resource ?? { kind, group: group.join('.') };
    return [...members].map(([name, source]): Listed => {
      const place = namespace === undefined ? {} : { namespace };
      const id = { group: named.group, version, kind: named.kind, ...place, name };
      return { id, source, ...(resource && { resource }) };
    });
  });
}

/** Where the parent says that an object is in the manifests. */
export function placeOf({ objects }: SetInventory, id: ObjectId): string | undefined {
  return objects.get(inventoryGroup(id))?.get(id.name);
}

/** `deployment.apps -n shop`, under which the inventory has an object. */
export function inventoryGroup(id: ObjectId): string {
  return formatObject({ ...id, name: '' }).replace('/', '');
}

function isWithin(id: ObjectId, place: ObjectId): boolean {
  return (
    groupKind(id) === groupKind(place) && (place.namespace === undefined || place.namespace === id.namespace)
  );
}
