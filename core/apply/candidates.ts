import type { ApplySetId } from '../model/apply.ts';
import type { Cluster, Discovery, Resource } from '../model/cluster.ts';
import type { ObjectId } from '../model/object.ts';
import type { Change } from '../model/plan.ts';
import { describeFailure } from '../plan/failure.ts';
import type { SecretGate } from '../plan/secret-gate.ts';
import { PART_OF } from '../plan/shape.ts';
import { type Extent, groupKind } from './apply-set.ts';
import type { Candidate } from './prune-guards.ts';

const PAGE = 500;

/** All that carries the label of a set, and the places of which that could not be told. */
export interface Labelled {
  candidates: Candidate[];
  unknown: Change[];
  /** Kinds that are not served, or not looked at: nothing is to be found of them now, but that may change. */
  unserved: string[];
}

type Listed = Omit<Labelled, 'unserved'>;

/**
 * Finds the labelled objects of every kind and namespace of the extent, one LIST each. A kind whose aggregated API
 * does not answer is unknown, and so is what may not be listed. An object that two API groups serve comes once.
 */
export async function findLabelled(
  cluster: Cluster,
  discovery: Discovery,
  set: ApplySetId,
  { groupKinds, namespaces }: Extent,
  gate: SecretGate,
  isExcluded: (kind: { group: string; kind: string }) => boolean = () => false,
): Promise<Labelled> {
  const lists: Promise<Listed>[] = [];
  const unserved: string[] = [];
  for (const name of [...groupKinds].sort()) {
    const [kind = '', ...rest] = name.split('.');
    const group = rest.join('.');
    if (isExcluded({ group, kind })) {
      unserved.push(name);
      continue;
    }
    const resource = discovery.resources.find(
      (one) => groupKind(one) === name && one.verbs.includes('list') && one.verbs.includes('delete'),
    );
    if (resource) {
      const places = resource.namespaced ? [...new Set([set.namespace, ...namespaces])].sort() : [undefined];
      lists.push(...places.map((namespace) => listLabelled(cluster, resource, namespace, set, gate)));
    } else if ([...discovery.stale].some((version) => version.startsWith(`${group}/`))) {
      const message = `the aggregated API of group ${group} does not answer: members of the set may be there`;
      const id = { group, version: '', kind, name: '*' };
      lists.push(Promise.resolve({ candidates: [], unknown: [untold(id, 'ApiUnavailable', message)] }));
    } else unserved.push(name);
  }
  const found = await Promise.all(lists);
  const candidates = found.flatMap((list) => list.candidates);
  const byUid = Map.groupBy(candidates, (candidate) => candidate.live.metadata.uid ?? candidate);
  return {
    candidates: [...byUid.values()].map(([first]) => first!),
    unknown: found.flatMap(({ unknown }) => unknown),
    unserved,
  };
}

async function listLabelled(
  cluster: Cluster,
  resource: Resource,
  namespace: string | undefined,
  { id }: ApplySetId,
  gate: SecretGate,
): Promise<Listed> {
  const { group, version, kind } = resource;
  const candidates: Candidate[] = [];
  let token: string | undefined;
  do {
    const options = { namespace, limit: PAGE, labelSelector: `${PART_OF}=${id}`, continue: token };
    const answer = await cluster.list(resource, options);
    if (!answer.ok) {
      const place: ObjectId = { group, version, kind, namespace, name: '*' };
      const { reason, message } = describeFailure(place, answer.failure, gate);
      return {
        candidates: [],
        unknown: [untold(place, reason, `the members of the set can't be listed: ${message}`)],
      };
    }
    for (const live of answer.value.items) {
      const within = resource.namespaced ? { namespace: String(live.metadata.namespace) } : {};
      candidates.push({ id: { group, version, kind, ...within, name: live.metadata.name }, resource, live });
    }
    token = answer.value.continue;
  } while (token !== undefined);
  return { candidates, unknown: [] };
}

function untold(id: ObjectId, reason: string, message: string): Change {
  return { id, action: 'unknown', reason, message };
}
