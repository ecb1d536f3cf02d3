import { dig, isObject, type JsonObject, parseJson } from '../model/json.ts';
import { type KubeObject, type ManagedFields, managedFieldsOf } from '../model/object.ts';
import type { PathStep } from '../model/path.ts';
import {
  covers,
  type FieldSet,
  fieldsOf,
  isOwn,
  ownFields,
  ownsStringData,
  sameSet,
  union,
} from './field-set.ts';

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
export const LAST_APPLIED_PATH: PathStep[] = ['metadata', 'annotations', LAST_APPLIED];

/** Whose fields become ours, beside those of client-side apply. */
export interface Inheritance {
  /** Every `group/version` that is served. */
  servedVersions: ReadonlySet<string>;
  /** Managers that the user named: `helm`, `argocd-controller`, … */
  takeOver: ReadonlySet<string>;
}

/**
 * Entries whose fields become ours with the next apply: those of client-side apply, told as kubectl does by who
 * last updated the last-applied annotation (kubectl, apply.go migrateToSSAIfNecessary), those of managers that are
 * named, and our own where the API server would drop them without removing their fields: of API versions that are
 * no longer served, and a Secret's `stringData`.
 */
export function inherited(object: KubeObject, { servedVersions, takeOver }: Inheritance): ManagedFields[] {
  const entries = managedFieldsOf(object);
  const clientSide = new Set(
    entries
      .filter((entry) => entry.operation === 'Update' && covers(fieldsOf(entry), LAST_APPLIED_PATH))
      .map((entry) => entry.manager),
  );
  return entries.filter(
    (entry) =>
      (entry.operation === 'Update' && !entry.subresource && clientSide.has(entry.manager)) ||
      (!isOwn(entry) && !entry.subresource && takeOver.has(entry.manager ?? '')) ||
      (isOwn(entry) && (!servedVersions.has(entry.apiVersion ?? '') || ownsStringData(object))),
  );
}

/**
 * The fields of entries that become ours. As kubectl does, others' count only where they were written at the version
 * that is applied now; what they owned through another one stays in place, owned by nobody.
 */
export function inheritedFields(
  live: KubeObject,
  taken: readonly ManagedFields[],
  apiVersion: string,
): FieldSet {
  const theirs = taken.filter((entry) => !isOwn(entry) && entry.apiVersion === apiVersion);
  return union(...theirs.map(fieldsOf), ...(taken.some(isOwn) ? [ownFields(live)] : []));
}

/** The union of all sets that neither are ours nor become ours: what an apply must leave in place. */
export function othersFields(object: KubeObject, except: readonly ManagedFields[]): FieldSet {
  return union(...othersEntries(object, except).map(fieldsOf));
}

/** Who, but us, owns the field at `path`, and when they last wrote; empty where nobody does. */
export function otherOwners(
  object: KubeObject,
  path: readonly PathStep[],
  except: readonly ManagedFields[],
): { manager: string; time?: string }[] {
  const owners = othersEntries(object, except).filter((entry) => covers(fieldsOf(entry), path));
  const byName = Map.groupBy(owners, ({ manager = 'unknown' }) => manager);
  return [...byName].map(([manager, entries]) => {
    const time = entries
      .map((entry) => entry.time ?? '')
      .toSorted()
      .at(-1);
    return { manager, ...(time && { time }) };
  });
}

/** The entries that neither are ours nor become ours. */
export function othersEntries(object: KubeObject, except: readonly ManagedFields[]): ManagedFields[] {
  const gone = new Set(except.map(identity));
  return managedFieldsOf(object).filter((entry) => !isOwn(entry) && !gone.has(identity(entry)));
}

/** Whether an apply would change who owns which field, though no value. */
export function ownershipDiffers(
  live: KubeObject,
  result: KubeObject,
  taken: readonly ManagedFields[],
): boolean {
  return taken.length > 0 || !sameSet(ownFields(live), ownFields(result));
}

/** What client-side apply last wrote, from its annotation; undefined where there is none or it is not readable. */
export function lastApplied(object: KubeObject): JsonObject | undefined {
  const text = dig(object, 'metadata', 'annotations', LAST_APPLIED);
  if (typeof text !== 'string') return undefined;
  try {
    const value = parseJson(text);
    return isObject(value) && isObject(value.metadata) ? value : undefined;
  } catch {
    return undefined;
  }
}

function identity(entry: ManagedFields): string {
  return [entry.manager, entry.operation, entry.apiVersion, entry.subresource].join('\n');
}
