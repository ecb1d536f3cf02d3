import { createHash } from 'node:crypto';
import type { ApplySetId } from '../model/apply.ts';
import type { ObjectId } from '../model/object.ts';

/** Where members of a set may be: `ConfigMap`, `Deployment.apps`, and the namespaces beside the parent's own. */
export interface Extent {
  groupKinds: ReadonlySet<string>;
  namespaces: ReadonlySet<string>;
}

/** The identity of the set whose parent is this ConfigMap, as the KEP computes it. */
export function applySetId({ namespace, name }: { namespace: string; name: string }): ApplySetId {
  const hash = createHash('sha256').update(`${name}.${namespace}.ConfigMap.`).digest('base64url');
  return { id: `applyset-${hash}-v1`, namespace, name };
}

export function groupKind({ group, kind }: { group: string; kind: string }): string {
  return group === '' ? kind : `${kind}.${group}`;
}

/** Where these objects are. */
export function extentOfIds(ids: readonly ObjectId[]): Extent {
  return {
    groupKinds: new Set(ids.map(groupKind)),
    namespaces: new Set(ids.flatMap(({ namespace }) => namespace ?? [])),
  };
}

/** The extent as a parent says it: its own namespace goes without saying. */
export function besideParent({ namespace }: ApplySetId, { groupKinds, namespaces }: Extent): Extent {
  return { groupKinds, namespaces: namespaces.difference(new Set([namespace])) };
}

export function sameExtent(a: Extent, b: Extent): boolean {
  return joined(a.groupKinds) === joined(b.groupKinds) && joined(a.namespaces) === joined(b.namespaces);
}

export function unionExtent(a: Extent, b: Extent): Extent {
  return { groupKinds: a.groupKinds.union(b.groupKinds), namespaces: a.namespaces.union(b.namespaces) };
}

/** Whether every place of `part` is one of `whole`. */
export function coversExtent(whole: Extent, part: Extent): boolean {
  return part.groupKinds.isSubsetOf(whole.groupKinds) && part.namespaces.isSubsetOf(whole.namespaces);
}

/** As annotations hold it. */
export function joined(set: ReadonlySet<string>): string {
  return [...set].sort().join(',');
}
