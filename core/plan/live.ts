import type { Answer, ApiFailure, Cluster, ListPage, Resource } from '../model/cluster.ts';
import type { KubeObject } from '../model/object.ts';
import { notPermitted } from './failure.ts';
import { type ListAhead, PAGE, WORTH_A_LIST } from './list-ahead.ts';
import type { Scoped } from './scope.ts';

/** What a read told of one object: as it is live, absent for certain, or not to be told. */
export type Live = { found: KubeObject } | { absent: true } | { failure: ApiFailure };

// A LIST of n objects costs the server about as much as n/20 GETs (measured on ConfigMaps and Deployments of 1–4 KB).
const ITEMS_PER_GET = 20;

/**
 * Reads the live objects of a set and hands each over as soon as it is known. Objects of one kind and namespace
 * come by LIST where that costs less than a GET each: from three objects on, as long as the server does not say
 * that far more are left than are still missing.
 */
export async function readLive(
  cluster: Cluster,
  wanted: readonly Scoped[],
  handle: (item: Scoped, live: Live) => void,
  ahead?: ListAhead,
): Promise<void> {
  const groups = new Map<string, Scoped[]>();
  for (const item of wanted) {
    const { group, version, plural } = item.resource!;
    const key = [group, version, plural, item.id.namespace ?? ''].join('\n');
    const list = groups.get(key);
    if (list) list.push(item);
    else groups.set(key, [item]);
  }
  await Promise.all([...groups.values()].map((group) => readGroup(cluster, group, handle, ahead)));
}

async function readGroup(
  cluster: Cluster,
  group: Scoped[],
  handle: (item: Scoped, live: Live) => void,
  ahead: ListAhead | undefined,
): Promise<void> {
  const { resource, id } = group[0]!;
  const missing = new Map(group.map((item) => [item.id.name, item]));
  const mayList = resource!.verbs.includes('list');
  const worthIt = mayList && group.length >= WORTH_A_LIST;
  if (worthIt) {
    const first = ahead?.take(resource!, id.namespace);
    await listInto(cluster, resource!, id.namespace, missing, handle, first);
  }
  const refused = new Map<string, Live>();
  const gets = [...missing.values()].map(async (item) => {
    const { name, namespace } = item.id;
    const live = liveOf(await cluster.get({ resource: resource!, namespace, name }));
    if (mayList && !worthIt && 'failure' in live && notPermitted(live.failure)) refused.set(name, live);
    else {
      missing.delete(name);
      handle(item, live);
    }
  });
  await Promise.all(gets);
  // Whoever may not get may still list.
  if (refused.size > 0) await listInto(cluster, resource!, id.namespace, missing, handle);
  for (const item of missing.values()) handle(item, refused.get(item.id.name)!);
}

/** Takes from `missing` what a LIST finds or proves absent; what is left needs a GET. */
async function listInto(
  cluster: Cluster,
  resource: Resource,
  namespace: string | undefined,
  missing: Map<string, Scoped>,
  handle: (item: Scoped, live: Live) => void,
  first?: Promise<Answer<ListPage>>,
): Promise<void> {
  const take = (object: KubeObject): void => {
    const item = missing.get(object.metadata.name);
    if (!item) return;
    missing.delete(object.metadata.name);
    // Items of a list carry neither apiVersion nor kind.
    object.apiVersion ??= item.manifest.object.apiVersion;
    object.kind ??= item.id.kind;
    handle(item, { found: object });
  };
  const fetch = (token?: string): Promise<Answer<ListPage>> =>
    cluster.list(resource, { namespace, limit: PAGE, continue: token });
  let pending: Promise<Answer<ListPage>> | undefined = first ?? fetch();
  while (pending) {
    const answer: Answer<ListPage> = await pending;
    // Whoever may not list may still get: each object is then asked for by name.
    if (!answer.ok) return;
    const page: ListPage = answer.value;
    const { items, remaining = 0, continue: token } = page;
    const found = items.filter((object) => missing.has(object.metadata.name)).length;
    const left = missing.size - found;
    const more: boolean = token !== undefined && left > 0;
    if (more && remaining > left * ITEMS_PER_GET) pending = undefined;
    // The server writes the next page while this one is worked on.
    else pending = more ? fetch(token) : undefined;
    for (const object of items) take(object);
    if (more && !pending) return;
  }
  for (const item of missing.values()) handle(item, { absent: true });
  missing.clear();
}

/** A 404 that names an object says that it is absent; any other says that the kind is not served there. */
export function liveOf(answer: Answer<KubeObject>): Live {
  if (answer.ok) return { found: answer.value };
  const { status, details } = answer.failure;
  return status === 404 && details?.name ? { absent: true } : { failure: answer.failure };
}
