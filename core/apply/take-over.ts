import type { Answer, Cluster, ObjectRef } from '../model/cluster.ts';
import { FIELD_MANAGER } from '../model/cluster.ts';
import type { Json, JsonObject } from '../model/json.ts';
import { type KubeObject, type ManagedFields, managedFieldsOf } from '../model/object.ts';
import { fieldsOf, isOwn, ownEntry, ownFields, ownsStringData, union } from '../plan/field-set.ts';
import { type Inheritance, inherited, inheritedFields } from '../plan/ownership.ts';

/**
 * The managedFields with which the next apply of ours removes what leaves the manifest: the entries of client-side
 * apply become ours, as kubectl does it (client-go, util/csaupgrade), and those of named managers, a Secret's `stringData` counts as `data`, and
 * whoever's entries of a version that is not served any more are written as `apiVersion`: one of them, and the API
 * server would forget all entries of a custom resource. `gone` is a version that it named as such. Undefined where
 * nothing has to be rewritten.
 */
export function takenOver(
  live: KubeObject,
  apiVersion: string,
  inheritance: Inheritance,
  gone?: string,
): ManagedFields[] | undefined {
  const { servedVersions } = inheritance;
  const taken = inherited(live, inheritance);
  const entries = managedFieldsOf(live);
  if (taken.length === 0 && !entries.some((entry) => gone !== undefined && entry.apiVersion === gone))
    return undefined;
  const fields = union(ownFields(live), inheritedFields(live, taken, apiVersion));
  const before = ownEntry(live) ?? taken.find((entry) => entry.apiVersion === apiVersion);
  const isGone = (entry: ManagedFields): boolean =>
    entry.apiVersion === gone || !servedVersions.has(entry.apiVersion ?? '');
  const others = merged(
    entries
      .filter((entry) => !isOwn(entry) && !taken.includes(entry))
      .map((entry) => (isGone(entry) ? { ...entry, apiVersion } : entry)),
  );
  if (!before) return others;
  const own = {
    ...before,
    manager: FIELD_MANAGER,
    operation: 'Apply' as const,
    apiVersion,
    fieldsV1: fields as JsonObject,
  };
  return [own, ...others];
}

/** Entries that have become the same in all but their fields are one. */
function merged(entries: readonly ManagedFields[]): ManagedFields[] {
  const groups = Map.groupBy(entries, (entry) =>
    [entry.manager, entry.operation, entry.apiVersion, entry.subresource].join('\n'),
  );
  return [...groups.values()].map(([first, ...more]) =>
    more.length === 0
      ? first!
      : { ...first!, fieldsV1: union(fieldsOf(first), ...more.map(fieldsOf)) as JsonObject },
  );
}

/**
 * Whether an apply has to come before the take-over: our fields were written at another version that is still
 * served, and only the server can say what they are at this one.
 */
export function appliesFirst(live: KubeObject, apiVersion: string, inheritance: Inheritance): boolean {
  const { servedVersions } = inheritance;
  const own = ownEntry(live);
  const taken = inherited(live, inheritance);
  return (
    own !== undefined &&
    own.apiVersion !== apiVersion &&
    servedVersions.has(own.apiVersion ?? '') &&
    !ownsStringData(live) &&
    taken.some((entry) => entry.apiVersion === apiVersion)
  );
}

/** Writes the entries of `takenOver`, a 409 where the object has changed since. The answer is the object after that. */
export async function takeOver(
  cluster: Cluster,
  ref: ObjectRef,
  live: KubeObject,
  entries: readonly ManagedFields[] | undefined,
): Promise<Answer<KubeObject>> {
  if (!entries) return { ok: true, value: live };
  const operation = {
    op: 'replace' as const,
    path: '/metadata/managedFields',
    value: entries as unknown as Json,
  };
  const resourceVersion = String(live.metadata.resourceVersion);
  return cluster.patch(ref, [operation], { resourceVersion, dryRun: false });
}
