import type { Resource } from '../model/cluster.ts';
import { isObject, type Json, type JsonObject } from '../model/json.ts';

/** What one version of a group serves; `groupVersion` is `apps/v1`, or `v1` for the core group. */
export interface GroupVersion {
  groupVersion: string;
  /** Its API does not answer; it is not known what it serves. */
  stale: boolean;
  resources: Resource[];
}

/**
 * Reads an `APIGroupDiscoveryList` (apidiscovery.k8s.io v2 or v2beta1, which have one form). Undefined where the
 * server answered with the old form. A version that it calls Stale has no resources of its own worth trusting.
 */
export function readAggregated(body: Json): GroupVersion[] | undefined {
  if (!isObject(body) || body.kind !== 'APIGroupDiscoveryList') return undefined;
  return objects(body.items).flatMap((item) => {
    const metadata = isObject(item.metadata) ? item.metadata : {};
    const group = typeof metadata.name === 'string' ? metadata.name : '';
    return objects(item.versions).map((one) => readVersion(group, one));
  });
}

function readVersion(group: string, entry: JsonObject): GroupVersion {
  const version = String(entry.version);
  const stale = entry.freshness === 'Stale';
  const resources = stale
    ? []
    : objects(entry.resources).flatMap((resource) => readResource(group, version, resource));
  return { groupVersion: group ? `${group}/${version}` : version, stale, resources };
}

/** Subresources stand inside their resource here, and are left out. */
function readResource(group: string, version: string, entry: JsonObject): Resource[] {
  const kind = isObject(entry.responseKind) ? entry.responseKind.kind : undefined;
  // Without a kind it only carries subresources.
  if (typeof kind !== 'string' || kind === '') return [];
  return [
    {
      group,
      version,
      kind,
      plural: String(entry.resource),
      ...otherNames(entry.singularResource, entry.shortNames),
      namespaced: entry.scope === 'Namespaced',
      verbs: strings(entry.verbs),
    },
  ];
}

/** What people may call a kind beside its plural name. */
export function otherNames(
  singular: Json | undefined,
  shortNames: Json | undefined,
): Pick<Resource, 'singular' | 'shortNames'> {
  const short = strings(shortNames);
  return {
    ...(typeof singular === 'string' && singular !== '' && { singular }),
    ...(short.length > 0 && { shortNames: short }),
  };
}

export function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function strings(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
