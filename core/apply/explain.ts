import { judgeHealth } from '../health/judge.ts';
import { lastWords } from '../health/last-words.ts';
import { listKin } from '../health/list-kin.ts';
import { shown, tellStory } from '../health/story.ts';
import type { Clock } from '../model/clock.ts';
import type { Cluster, Discovery, Resource } from '../model/cluster.ts';
import type { Explanation, OwnSet } from '../model/explain.ts';
import { isWell } from '../model/health.ts';
import { dig } from '../model/json.ts';
import { missingRight } from '../model/missing-right.ts';
import { formatObject, type KubeObject, type ObjectId } from '../model/object.ts';
import { ProblemError } from '../model/problem.ts';
import type { MemberState, SetRecord } from '../model/record.ts';
import { describeFailure } from '../plan/failure.ts';
import { ownersOf } from '../plan/owners.ts';
import type { SecretGate } from '../plan/secret-gate.ts';
import { PART_OF } from '../plan/shape.ts';
import { findSets, type LiveSet } from './find-sets.ts';
import { placeOf } from './inventory.ts';
import { ownsLabel } from './prune-guards.ts';
import { readRecord } from './read-record.ts';

/** The object that is asked about, and where its set may be. */
export interface Question {
  id: ObjectId;
  resource: Resource;
  /** The set, where the person names it. */
  named?: LiveSet | undefined;
  /** Where to look for the parent first. */
  namespace: string;
}

/** Tells all that is known of one object, but for what an apply would do to it. Throws ProblemError where it can't be read. */
export async function explain(
  cluster: Cluster,
  discovery: Discovery,
  { id, resource, named, namespace }: Question,
  { gate, clock }: { gate: SecretGate; clock: Clock },
): Promise<Explanation> {
  const answer = await cluster.get({ resource, namespace: id.namespace, name: id.name });
  if (!answer.ok && answer.failure.status !== 404) {
    const { reason, message } = describeFailure(id, answer.failure, gate);
    const hint = missingRight(answer.failure);
    throw new ProblemError({
      code: reason,
      message: `it can't be read: ${message}`,
      object: id,
      ...(hint && { hint }),
    });
  }
  const live = answer.ok ? answer.value : undefined;
  const places = [...new Set([id.namespace ?? namespace, namespace])];
  const owner = named
    ? ownSet(named, id, live)
    : await (live
        ? ownerOfLive(cluster, discovery, id, live, places)
        : ownerOfAbsent(cluster, discovery, id, places));
  return {
    id,
    exists: live !== undefined,
    ...(typeof owner === 'string' ? { noOwner: owner } : { owner }),
    owners: live ? ownersOf(live) : [],
    ...(await healthOf(cluster, discovery, resource, live, clock)),
  };
}

/** How a live object is and, where it is not well, why: what belongs to it, events, the last words of containers. */
export async function healthOf(
  cluster: Cluster,
  discovery: Discovery,
  resource: Resource,
  live: KubeObject | undefined,
  clock: Clock,
): Promise<Pick<Explanation, 'health' | 'story'>> {
  if (!live)
    return {
      health: { status: 'missing', reason: 'NotFound', message: 'it is not in the cluster' },
      story: [],
    };
  const now = new Date(clock.now());
  const health = judgeHealth(live, { now });
  if (isWell(health.status)) return { health, story: [] };
  const { kin, unseen } = await listKin(cluster, discovery, resource, live);
  const { lines, cause, log } = tellStory(live, kin, { now });
  const words = log ? await lastWords(cluster, clock, log) : [];
  const story = [...lines.slice(0, log?.after), ...words, ...(log ? lines.slice(log.after) : []), ...unseen];
  return { health: cause.terminal ? cause : health, story: shown(story) };
}

/** By the label of the object: the parent may be in any namespace. A string says why there is none. */
async function ownerOfLive(
  cluster: Cluster,
  discovery: Discovery,
  id: ObjectId,
  live: KubeObject,
  places: readonly string[],
): Promise<OwnSet | string> {
  const part = dig(live, 'metadata', 'labels', PART_OF);
  if (typeof part !== 'string') return await ownerOfAbsent(cluster, discovery, id, places, live);
  let refused = '';
  for (const namespace of [...places, undefined]) {
    const found = await findSets(cluster, discovery, { namespace, id: part });
    if ('failure' in found) refused = found.failure.message;
    else if (found.sets[0]) return ownSet(found.sets[0], id, live);
  }
  const why = refused
    ? `its parent was not found where we may look: ${refused}`
    : 'no parent of ours has that ID';
  return `it is a member of the apply set ${part}, but ${why}`;
}

/** By what parents tell of their manifests: an object that was deleted, or has lost its label, is known there. */
async function ownerOfAbsent(
  cluster: Cluster,
  discovery: Discovery,
  id: ObjectId,
  places: readonly string[],
  live?: KubeObject,
): Promise<OwnSet | string> {
  // Parents of agents' entries are in the agents' own namespaces.
  for (const namespace of [...places, undefined]) {
    const found = await findSets(cluster, discovery, { namespace });
    if ('failure' in found) continue;
    const set = found.sets.find(({ live: parent }) => {
      const { inventory } = readRecord(parent.data);
      return inventory && placeOf(inventory, id) !== undefined;
    });
    if (set) return ownSet(set, id, live);
  }
  return 'it belongs to no apply set';
}

function ownSet({ set, live: parent }: LiveSet, id: ObjectId, live: KubeObject | undefined): OwnSet {
  const record = readRecord(parent.data);
  const { status, inventory } = record;
  const source = inventory && placeOf(inventory, id);
  const agent = parent.labels['agent.gitlab.com/name'];
  const entry = parent.labels['agent.gitlab.com/entry'];
  const failure = failureOf(record, id);
  return {
    set,
    ...(agent !== undefined && { agent }),
    ...(entry !== undefined && { entry }),
    state: stateOf(live, set.id, source !== undefined || !inventory || inventory.leftOut !== undefined),
    ...(source !== undefined && { source }),
    ...(status?.observed && { observed: status.observed }),
    ...(status?.applied && { applied: status.applied }),
    ...(status && {
      sync: {
        state: status.state,
        reason: status.reason,
        message: status.message,
        startedAt: status.startedAt,
        ...(status.finishedAt !== undefined && { finishedAt: status.finishedAt }),
      },
    }),
    ...(status?.source.by !== undefined && { by: status.source.by }),
    ...(failure && { failure }),
  };
}

function stateOf(live: KubeObject | undefined, id: string, isListed: boolean): MemberState {
  if (!live) return 'missing';
  if (dig(live, 'metadata', 'labels', PART_OF) !== id) return 'unlabelled';
  if (!ownsLabel(live)) return 'foreign';
  return isListed ? 'present' : 'left';
}

function failureOf({ status }: SetRecord, id: ObjectId): OwnSet['failure'] {
  const name = formatObject(id);
  return status?.failures?.find(({ object }) => object === name);
}
