import { deepEqual, isObject, type Json, type JsonObject, stringifyJson } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { type FieldSet, isLeaf, keyedEdges, matches, ownEntry, ownFields } from './field-set.ts';

// What structured-merge-diff strips from every set of fields (apimachinery, managedfields/internal/stripmeta.go).
const UNOWNED_ROOT = new Set(['apiVersion', 'kind', 'metadata']);
const UNOWNED_METADATA = new Set(['name', 'namespace']);
const NONE: ReadonlySet<string> = new Set();

/**
 * Whether applying `desired` would change nothing of `live`, told without asking the server: every desired field
 * has the live value, and the desired fields are exactly those that our entry in `managedFields` owns, written at
 * the same API version. `false` means "not proven": quantities spelt otherwise, ambiguous defaulted list keys,
 * nulls, another order of a list. The server then decides.
 */
export function provesNoop(desired: KubeObject, live: KubeObject): boolean {
  const { apiVersion } = desired;
  if (ownEntry(live)?.apiVersion !== apiVersion || live.apiVersion !== apiVersion) return false;
  const { 'f:metadata': metadata = {}, ...fields } = ownFields(live);
  const defaults = BUILT_IN.test(apiVersion) ? ATOMIC_DEFAULTS : {};
  return (
    mapHolds(desired, live, fields, defaults, UNOWNED_ROOT) &&
    mapHolds(desired.metadata, live.metadata, metadata, defaults, UNOWNED_METADATA)
  );
}

/** Groups of Kubernetes itself that have Pod templates or policies; custom kinds have defaults of their own. */
const BUILT_IN = /^(v1|apps\/.*|batch\/.*|networking\.k8s\.io\/.*)$/;
type Defaults = Readonly<Record<string, Json>>;
/** What the server fills in inside maps and lists that are owned as a whole: `fieldRef`, the ports of policies. */
const ATOMIC_DEFAULTS: Defaults = { apiVersion: 'v1', protocol: 'TCP' };

function mapHolds(
  desired: JsonObject,
  live: JsonObject,
  fields: FieldSet,
  defaults: Defaults,
  unowned: ReadonlySet<string> = NONE,
): boolean {
  let owned = 0;
  for (const key of Object.keys(desired)) {
    if (unowned.has(key)) continue;
    const value = desired[key]!;
    const found = own(live, key);
    const child = fields[`f:${key}`];
    // An empty list has no items, and owning nothing it changes nothing.
    if (!child && isEmptyList(value) && (found === undefined || isEmptyList(found))) continue;
    if (!child || !holds(value, found, child, defaults)) return false;
    owned += 1;
  }
  // A `.` beside edges counts as one more: an apply of this manifest would not own the map itself.
  return owned === sizeOf(fields);
}

function holds(desired: Json, live: Json | undefined, fields: FieldSet, defaults: Defaults): boolean {
  if (desired === null) return false;
  // The server leaves out what is false, 0 or empty in most fields. We own it though nothing is there: whoever
  // takes a value away takes its owners away too, so it was never stored.
  if (live === undefined) return noEdges(fields) && isZero(desired);
  if (typeof desired !== 'object') return desired === live && noEdges(fields);
  if (isLeaf(fields)) return noEdges(fields) && atomicHolds(desired, live, defaults);
  if (Array.isArray(desired)) return Array.isArray(live) && listHolds(desired, live, fields, defaults);
  return isObject(live) && mapHolds(desired, live, fields, defaults);
}

function atomicHolds(desired: Json, live: Json | undefined, defaults: Defaults): boolean {
  if (Array.isArray(desired)) {
    if (!Array.isArray(live) || live.length !== desired.length) return false;
    return desired.every((item, index) => atomicHolds(item, live[index], defaults));
  }
  if (!isObject(desired) || !isObject(live)) return deepEqual(desired, live);
  const added = Object.keys(live).filter((key) => !Object.hasOwn(desired, key));
  return (
    added.every((key) => Object.hasOwn(defaults, key) && live[key] === defaults[key]) &&
    Object.keys(desired).every((key) => atomicHolds(desired[key]!, own(live, key), defaults))
  );
}

function listHolds(desired: Json[], live: Json[], fields: FieldSet, defaults: Defaults): boolean {
  if (desired.length === 0 || desired.length !== sizeOf(fields)) return false;
  const edges = keyedEdges(fields);
  if (edges.length === 0) return setHolds(desired, live, fields);
  let position = -1;
  const used = new Set<string>();
  for (const item of desired) {
    const named = isObject(item)
      ? onlyMatch(edges, ({ edge, keys }) => namesItem(item, keys, fields[edge]!))
      : -1;
    if (named < 0 || used.has(edges[named]!.edge)) return false;
    const { edge, keys } = edges[named]!;
    used.add(edge);
    // Two live items with the same keys are for the server to judge, and so is another order.
    const found = onlyMatch(live, (candidate) => isObject(candidate) && matches(candidate, keys));
    if (found <= position) return false;
    position = found;
    const { '.': self, ...owned } = fields[edge]!;
    if (!self || !mapHolds(item as JsonObject, live[found] as JsonObject, owned, defaults)) return false;
  }
  return true;
}

/** The position of the one item that fits; -1 where none or several do. */
function onlyMatch<T>(list: readonly T[], fits: (item: T) => boolean): number {
  let match = -1;
  for (let index = 0; index < list.length; index += 1) {
    if (!fits(list[index]!)) continue;
    if (match >= 0) return -1;
    match = index;
  }
  return match;
}

/**
 * Whether `keys` are those of a desired item. The one default that all schemas agree on is `protocol: TCP`; any
 * other key missing from the manifest is ambiguous.
 */
function namesItem(item: JsonObject, keys: Record<string, Json>, fields: FieldSet): boolean {
  for (const key in keys) {
    const holds = Object.hasOwn(item, key)
      ? deepEqual(item[key], keys[key])
      : key === 'protocol' && keys[key] === 'TCP' && !fields['f:protocol'];
    if (!holds) return false;
  }
  return true;
}

function setHolds(desired: Json[], live: Json[], fields: FieldSet): boolean {
  let position = -1;
  for (const item of desired) {
    if (typeof item === 'object' || !fields[`v:${stringifyJson(item)}`]) return false;
    const index = live.indexOf(item);
    if (index <= position || live.lastIndexOf(item) !== index) return false;
    position = index;
  }
  return true;
}

// Edges of a field set begin with `f:` and the like, so only keys of objects can be names of Object.prototype.
function own(map: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function noEdges(set: FieldSet): boolean {
  for (const _edge in set) return false;
  return true;
}

function sizeOf(set: FieldSet): number {
  let size = 0;
  for (const _edge in set) size += 1;
  return size;
}

function isZero(value: Json): boolean {
  if (typeof value === 'object') return value !== null && Object.keys(value).length === 0;
  return value === false || value === 0 || value === '';
}

function isEmptyList(value: Json): boolean {
  return Array.isArray(value) && value.length === 0;
}
