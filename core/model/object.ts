import type { Json, JsonObject } from './json.ts';

/** What names an object in a cluster. `group` is '' for the core group; `namespace` is absent for cluster-scoped kinds. */
export interface ObjectId {
  group: string;
  version: string;
  kind: string;
  namespace?: string;
  name: string;
}

/** An object as the API server takes and returns it. */
export interface KubeObject extends JsonObject {
  apiVersion: string;
  kind: string;
  metadata: JsonObject & { name: string };
}

/** One entry of `metadata.managedFields`. `fieldsV1` is the set in structured-merge-diff's `f: k: v: i: .` form. */
export interface ManagedFields {
  manager?: string;
  operation?: 'Apply' | 'Update';
  apiVersion?: string;
  time?: string;
  subresource?: string;
  fieldsV1?: JsonObject;
}

/** Splits `apps/v1` into group and version; the core group's `v1` has the group ''. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

export function formatApiVersion(id: { group: string; version: string }): string {
  return id.group === '' ? id.version : `${id.group}/${id.version}`;
}

/** `deployment.apps/web -n shop`: how an object is named everywhere we print, and what kubectl takes as arguments. */
export function formatObject(id: ObjectId): string {
  const kind = id.kind.toLowerCase() + (id.group ? `.${id.group}` : '');
  return `${kind}/${id.name}${id.namespace ? ` -n ${id.namespace}` : ''}`;
}

/** Identity without the version: the same object may be written through several versions of its kind. */
export function objectKey(id: Omit<ObjectId, 'version'>): string {
  return `${id.group}\n${id.kind}\n${id.namespace ?? ''}\n${id.name}`;
}

export function managedFieldsOf(object: KubeObject): ManagedFields[] {
  const entries = object.metadata.managedFields as Json | undefined;
  return Array.isArray(entries) ? (entries as unknown as ManagedFields[]) : [];
}

/** Whether one resourceVersion is older than another. Those that are no numbers are never called so. */
export function isOlderVersion(one: string, other: string): boolean {
  if (!/^\d+$/.test(one) || !/^\d+$/.test(other)) return false;
  return one.length === other.length ? one < other : one.length < other.length;
}

/** `v1` Secrets, and only those: other groups may have a kind of that name. */
export function isSecret(id: { group: string; kind: string }): boolean {
  return id.group === '' && id.kind === 'Secret';
}
