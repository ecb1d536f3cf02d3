import { deepEqual, isObject, type Json, type JsonObject, setOwn } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { type FieldSet, isLeaf, keyedEdges, matches } from './field-set.ts';
import { sameQuantity } from './quantity.ts';

/**
 * Takes from `value` what `remove` names and `keep` (the fields of all other managers and of the new apply) does
 * not, as a server-side apply drops what a manager no longer lists. Maps and lists that become empty go too.
 */
export function removeFields(value: Json, remove: FieldSet, keep: FieldSet): Json | undefined {
  if (Array.isArray(value)) return removeItems(value, remove, keep);
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const key of Object.keys(value)) {
    const edge = `f:${key}`;
    const goes = Object.hasOwn(remove, edge) ? remove[edge]! : undefined;
    const stays = Object.hasOwn(keep, edge) ? keep[edge]! : undefined;
    if (!goes) setOwn(result, key, value[key]!);
    else if (stays === undefined && (isLeaf(goes) || typeof value[key] !== 'object')) continue;
    else if (stays && isLeaf(stays)) setOwn(result, key, value[key]!);
    else {
      const rest = removeFields(value[key]!, goes, stays ?? {});
      if (rest !== undefined) setOwn(result, key, rest);
    }
  }
  return Object.keys(result).length === 0 && Object.keys(value).length > 0 ? undefined : result;
}

function removeItems(list: Json[], remove: FieldSet, keep: FieldSet): Json[] | undefined {
  const edges = keyedEdges(remove);
  const result: Json[] = [];
  for (const item of list) {
    if (!isObject(item)) {
      const edge = `v:${JSON.stringify(item)}`;
      if (!Object.hasOwn(remove, edge) || Object.hasOwn(keep, edge)) result.push(item);
      continue;
    }
    const keyed = edges.find(({ keys }) => matches(item, keys));
    const stays = keyed && Object.hasOwn(keep, keyed.edge) ? keep[keyed.edge] : undefined;
    if (!keyed) result.push(item);
    else if (stays)
      result.push({
        ...keyed.keys,
        ...(removeFields(item, remove[keyed.edge]!, stays) as JsonObject | undefined),
      });
    else if (!('.' in remove[keyed.edge]!)) result.push(removeFields(item, remove[keyed.edge]!, {}) ?? {});
  }
  return result.length === 0 ? undefined : result;
}

/**
 * What an apply of `desired` would make of `live` where no server can be asked: an approximation without
 * defaults, used for objects that are shown as not verified. `set` is the field set of `desired`. Where a list or
 * map that is owned as a whole holds more live than is wanted, that may be defaults or may have to go:
 * `undecided` is called, and the live value kept.
 */
export function mergeFields(
  live: Json | undefined,
  desired: Json,
  set: FieldSet,
  undecided: () => void,
  key = '',
): Json | undefined {
  if (isVoid(desired) && (live === undefined || isVoid(live))) return live;
  if (Array.isArray(desired) && Array.isArray(live) && !isLeaf(set))
    return mergeLists(live, desired, set, undecided);
  if (isObject(desired) && isObject(live) && !isLeaf(set)) {
    const result: JsonObject = { ...(live as JsonObject) };
    for (const name of Object.keys(desired)) {
      const before = Object.hasOwn(result, name) ? result[name] : undefined;
      const child = mergeFields(
        before,
        desired[name]!,
        set[`f:${name}`] ?? {},
        undecided,
        isQuantityMap(key) ? key : name,
      );
      if (child === undefined) delete result[name];
      else setOwn(result, name, child);
    }
    return result;
  }
  if (live !== undefined && isQuantityMap(key) && sameQuantity(live, desired)) return live;
  if (deepEqual(live, desired)) return live;
  if (live !== undefined && typeof desired === 'object' && contains(live, desired)) {
    undecided();
    return live;
  }
  return live === undefined ? desired : withDefaults(desired, live);
}

// What the server fills in inside lists and maps that are owned as a whole: `fieldRef`, the ports of policies, claim
// templates.
const DEFAULTS: JsonObject = {
  apiVersion: 'v1',
  protocol: 'TCP',
  kind: 'PersistentVolumeClaim',
  volumeMode: 'Filesystem',
  status: { phase: 'Pending' },
};

/** `desired` with the defaults that stand in `live` at the same places. */
function withDefaults(desired: Json, live: Json): Json {
  if (Array.isArray(desired) && Array.isArray(live)) {
    return desired.map((item, index) => (index < live.length ? withDefaults(item, live[index]!) : item));
  }
  if (!isObject(desired) || !isObject(live)) return desired;
  const result: JsonObject = {};
  for (const key of Object.keys(live)) {
    const isDefault = !Object.hasOwn(desired, key) && Object.hasOwn(DEFAULTS, key);
    if (isDefault && deepEqual(live[key], DEFAULTS[key])) setOwn(result, key, live[key]!);
  }
  for (const key of Object.keys(desired))
    setOwn(result, key, Object.hasOwn(live, key) ? withDefaults(desired[key]!, live[key]!) : desired[key]!);
  return result;
}

function mergeLists(live: Json[], desired: Json[], set: FieldSet, undecided: () => void): Json[] {
  const edges = keyedEdges(set);
  if (edges.length === 0)
    return [...live, ...desired.filter((item) => !live.some((known) => deepEqual(known, item)))];
  const merged = desired.map((item) => {
    const keyed = isObject(item) ? edges.find(({ keys }) => namesItem(item, keys)) : undefined;
    if (!keyed) return item;
    const known = live.find((candidate) => isObject(candidate) && matches(candidate, keyed.keys));
    return mergeFields(known, item, set[keyed.edge]!, undecided) ?? item;
  });
  const known = (item: Json): boolean => isObject(item) && edges.some(({ keys }) => matches(item, keys));
  return [...merged, ...live.filter((item) => !known(item))];
}

function namesItem(item: JsonObject, keys: Record<string, Json>): boolean {
  return Object.entries(keys).every(
    ([key, value]) => !Object.hasOwn(item, key) || deepEqual(item[key], value),
  );
}

/** Whether `live` is `desired` with more map keys in it, as defaults would make it. */
function contains(live: Json, desired: Json): boolean {
  if (Array.isArray(desired)) {
    return (
      Array.isArray(live) &&
      live.length === desired.length &&
      desired.every((item, index) => contains(live[index]!, item))
    );
  }
  if (!isObject(desired)) return deepEqual(live, desired);
  return (
    isObject(live) &&
    Object.keys(desired).every((key) => Object.hasOwn(live, key) && contains(live[key]!, desired[key]!))
  );
}

/** Null, `{}` and `[]`: what the API server drops or keeps as the kind likes, and nobody sees the difference. */
function isVoid(value: Json): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

const QUANTITY_MAPS = new Set([
  'limits',
  'requests',
  'capacity',
  'hard',
  'overhead',
  'sizeLimit',
  'default',
  'defaultRequest',
  'max',
  'min',
]);

function isQuantityMap(key: string): boolean {
  return QUANTITY_MAPS.has(key);
}

/** A copy of `object` with `metadata.managedFields` left out: they are the server's to write. */
export function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata: metadata as KubeObject['metadata'] };
}
