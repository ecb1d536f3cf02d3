import type { Cluster, Discovery, Resource, Selection } from '../model/cluster.ts';
import type { StoryLine } from '../model/health.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { mapsAt, textAt } from './fields.ts';
import { kinPlaces } from './kin.ts';

const PAGE = 500;

/** What the story of one object is told of, by one LIST for each kind; what may not be listed is said instead. */
export async function listKin(
  cluster: Cluster,
  discovery: Discovery,
  resource: Resource,
  object: KubeObject,
): Promise<{ kin: KubeObject[]; unseen: StoryLine[] }> {
  // Events of what is in no namespace are in `default`.
  const namespace = textAt(object.metadata, 'namespace') || 'default';
  const places = kinPlaces(resource, namespace, discovery, true);
  const unseen: StoryLine[] = [];
  const lists = places.map(async ({ resource: kind }) => {
    const selector = kind.kind === 'Event' ? eventsOf(object, places.length > 1) : belowOf(object);
    const found = await listAll(cluster, kind, { namespace, ...selector });
    if (Array.isArray(found)) return found;
    unseen.push({ depth: 1, text: `${kind.plural} can't be seen: ${found.failure}` });
    return [];
  });
  return { kin: (await Promise.all(lists)).flat(), unseen };
}

/** Where there are Pods, theirs are told, too. */
function eventsOf(object: KubeObject, hasPods: boolean): Pick<Selection, 'fieldSelector'> {
  return hasPods ? {} : { fieldSelector: `involvedObject.uid=${textAt(object.metadata, 'uid')}` };
}

/** ReplicaSets and Pods have the labels by which their owner selects them; Jobs of a CronJob have none like that. */
function belowOf({ spec }: KubeObject): Pick<Selection, 'labelSelector'> {
  const selector = isObject(spec) ? spec.selector : undefined;
  if (!isObject(selector) || mapsAt(selector, 'matchExpressions').length > 0) return {};
  const labels = (isObject(selector.matchLabels) ? selector.matchLabels : selector) as JsonObject;
  const terms = Object.entries(labels).flatMap(([key, value]) =>
    typeof value === 'string' ? [`${key}=${value}`] : [],
  );
  return terms.length > 0 ? { labelSelector: terms.join(',') } : {};
}

async function listAll(
  cluster: Cluster,
  resource: Resource,
  selection: Selection,
): Promise<KubeObject[] | { failure: string }> {
  const objects: KubeObject[] = [];
  let token: string | undefined;
  do {
    const page = { ...selection, limit: PAGE, ...(token !== undefined && { continue: token }) };
    const answer = await cluster.list(resource, page);
    if (!answer.ok) return { failure: answer.failure.message };
    for (const object of answer.value.items) objects.push(object);
    token = answer.value.continue;
  } while (token !== undefined);
  return objects;
}
