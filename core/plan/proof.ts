import { deepEqual, isObject, type Json, type JsonObject, stringifyJson } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { type FieldSet, isLeaf, keyedEdges, matches, ownEntry, ownFields } from './field-set.ts';

// What structured-merge-diff strips from every set of fields (apimachinery, managedfields/internal/stripmeta.go).
const UNOWNED_ROOT = new Set(['apiVersion', 'kind']);
const UNOWNED_METADATA = new Set(['name', 'namespace']);

/**
 * Whether applying `desired` would change nothing of `live`, told without asking the server: every desired field
 * has the live value, and the desired fields are exactly those that our entry in `managedFields` owns, written at
 * the same API version. `false` means "not proven": quantities spelt otherwise, ambiguous defaulted list keys,
 * nulls, another order of a list. The server then decides.
 */
export function provesNoop(desired: KubeObject, live: KubeObject): boolean {
  const entry = ownEntry(live);
  if (!entry || entry.apiVersion !== desired.apiVersion || live.apiVersion !== desired.apiVersion)
    return false;
  const fields = ownFields(live);
  let seen = 0;
  for (const key of Object.keys(desired)) {
    if (UNOWNED_ROOT.has(key)) continue;
    const child = own(fields, `f:${key}`);
    if (key === 'metadata') {
      if (!metadataHolds(desired.metadata, live.metadata, child)) return false;
      if (child) seen += 1;
      continue;
    }
    seen += 1;
    if (!child || !holds(desired[key]!, own(live, key), child)) return false;
  }
  return seen === Object.keys(fields).length;
}

function metadataHolds(desired: JsonObject, live: JsonObject, fields: FieldSet | undefined): boolean {
  let seen = 0;
  for (const key of Object.keys(desired)) {
    if (UNOWNED_METADATA.has(key)) continue;
    seen += 1;
    const child = fields && own(fields, `f:${key}`);
    if (!child || !holds(desired[key]!, own(live, key), child)) return false;
  }
  return seen === Object.keys(fields ?? {}).length;
}

function holds(desired: Json, live: Json | undefined, fields: FieldSet): boolean {
  if (desired === null) return false;
  // The server leaves out what is false, 0 or empty in most fields. We own it though nothing is there: whoever
  // takes a value away takes its owners away too, so it was never stored.
  if (live === undefined) return noEdges(fields) && isZero(desired);
  if (typeof desired !== 'object') return desired === live && noEdges(fields);
  if (isLeaf(fields)) return noEdges(fields) && deepEqual(desired, live);
  if (Array.isArray(desired)) return Array.isArray(live) && listHolds(desired, live, fields);
  return isObject(live) && mapHolds(desired, live, fields);
}

function mapHolds(desired: JsonObject, live: JsonObject, fields: FieldSet): boolean {
  const keys = Object.keys(desired);
  // A `.` beside edges counts as one more: an apply of this manifest would not own the map itself.
  if (keys.length === 0 || keys.length !== Object.keys(fields).length) return false;
  return keys.every((key) => {
    const child = own(fields, `f:${key}`);
    return child !== undefined && holds(desired[key]!, own(live, key), child);
  });
}

function listHolds(desired: Json[], live: Json[], fields: FieldSet): boolean {
  if (desired.length === 0 || desired.length !== Object.keys(fields).length) return false;
  const edges = keyedEdges(fields);
  if (edges.length === 0) return setHolds(desired, live, fields);
  let position = -1;
  const used = new Set<string>();
  for (const item of desired) {
    if (!isObject(item)) return false;
    const candidates = edges.filter(({ edge, keys }) => namesItem(item, keys, fields[edge]!));
    if (candidates.length !== 1 || used.has(candidates[0]!.edge)) return false;
    const { edge, keys } = candidates[0]!;
    used.add(edge);
    const found = live.flatMap((candidate, index) =>
      isObject(candidate) && matches(candidate, keys) ? [index] : [],
    );
    // Two live items with the same keys are for the server to judge, and so is another order.
    if (found.length !== 1 || found[0]! <= position) return false;
    position = found[0]!;
    if (!itemHolds(item, live[position] as JsonObject, fields[edge]!)) return false;
  }
  return true;
}

/**
 * Whether `keys` are those of a desired item. The one default that all schemas agree on is `protocol: TCP`; any
 * other key missing from the manifest is ambiguous.
 */
function namesItem(item: JsonObject, keys: Record<string, Json>, fields: FieldSet): boolean {
  return Object.entries(keys).every(([key, value]) =>
    Object.hasOwn(item, key)
      ? deepEqual(item[key], value)
      : key === 'protocol' && value === 'TCP' && !own(fields, 'f:protocol'),
  );
}

function itemHolds(desired: JsonObject, live: JsonObject, fields: FieldSet): boolean {
  if (!own(fields, '.')) return false;
  const keys = Object.keys(desired);
  if (keys.length !== Object.keys(fields).length - 1) return false;
  return keys.every((key) => {
    const child = own(fields, `f:${key}`);
    return child !== undefined && holds(desired[key]!, own(live, key), child);
  });
}

function setHolds(desired: Json[], live: Json[], fields: FieldSet): boolean {
  let position = -1;
  for (const item of desired) {
    if (typeof item === 'object' || !own(fields, `v:${stringifyJson(item)}`)) return false;
    const index = live.indexOf(item);
    if (index <= position || live.lastIndexOf(item) !== index) return false;
    position = index;
  }
  return true;
}

function own<T>(map: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function noEdges(set: FieldSet): boolean {
  return Object.keys(set).length === 0;
}

function isZero(value: Json): boolean {
  if (typeof value === 'object') return value !== null && Object.keys(value).length === 0;
  return value === false || value === 0 || value === '';
}
