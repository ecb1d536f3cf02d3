import type { ObjectRef, Resource } from '../model/cluster.ts';

/** The URL path of a kind: of one namespace, or of the whole cluster. */
export function collectionPath({ group, version, plural, namespaced }: Resource, namespace?: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope = namespaced && namespace ? `/namespaces/${segment(namespace)}` : '';
  return `${root}${scope}/${plural}`;
}

export function objectPath({ resource, namespace, name }: ObjectRef): string {
  return `${collectionPath(resource, namespace)}/${segment(name)}`;
}

/** RBAC names hold `:`, which may stand in a path; a name of dots must not climb out of it. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..')
    throw new RangeError('the name of an object must not be empty, "." or ".."');
  return encodeURIComponent(name);
}
