import type { ApplySetId } from '../model/apply.ts';
import type { ApiFailure, Cluster, Discovery } from '../model/cluster.ts';
import type { KubeObject } from '../model/object.ts';
import { applySetId } from './apply-set.ts';
import { configMaps, ID_LABEL, isOurTooling, type ParentState, readParent } from './parent-object.ts';

const PAGE = 100;

/** A set of ours, with its parent as it is. */
export interface LiveSet {
  set: ApplySetId;
  live: ParentState;
}

export type FoundSets = { sets: LiveSet[] } | { failure: ApiFailure };

/** The sets of ours whose parents are in a namespace, or in any; `id` asks for one. Sorted by namespace and name. */
export async function findSets(
  cluster: Cluster,
  discovery: Discovery,
  { namespace, id }: { namespace?: string | undefined; id?: string },
): Promise<FoundSets> {
  const labelSelector = id === undefined ? ID_LABEL : `${ID_LABEL}=${id}`;
  const sets: LiveSet[] = [];
  let token: string | undefined;
  do {
    const answer = await cluster.list(configMaps(discovery), {
      ...(namespace !== undefined && { namespace }),
      limit: PAGE,
      labelSelector,
      ...(token !== undefined && { continue: token }),
    });
    if (!answer.ok) return { failure: answer.failure };
    sets.push(...answer.value.items.flatMap((object) => ownSet(object, discovery)));
    token = answer.value.continue;
  } while (token !== undefined);
  const key = ({ set }: LiveSet): string => `${set.namespace}/${set.name}`;
  return { sets: sets.sort((a, b) => (key(a) < key(b) ? -1 : 1)) };
}

/** Copied labels make no set: the ID has to be that of the name. */
function ownSet(object: KubeObject, discovery: Discovery): LiveSet[] {
  const live = readParent(object, discovery);
  const set = applySetId({ namespace: String(object.metadata.namespace), name: object.metadata.name });
  return live.id === set.id && isOurTooling(live.tooling) ? [{ set, live }] : [];
}
