import { FIELD_MANAGER } from '../model/cluster.ts';
import { deepEqual, isObject, type Json, type JsonObject, setOwn, stringifyJson } from '../model/json.ts';
import { type KubeObject, type ManagedFields, managedFieldsOf } from '../model/object.ts';
import type { PathStep } from '../model/path.ts';

/**
 * A set of fields as `metadata.managedFields[].fieldsV1` holds it (structured-merge-diff): a trie whose edges are
 * `f:name` (map key), `k:{…}` (item of a keyed list), `v:…` (member of a set) and `i:N`; `.` is the node itself.
 * A node without edges is a leaf: a scalar, or a map or list that is owned as a whole.
 */
export interface FieldSet {
  [edge: string]: FieldSet;
}

export const EMPTY: FieldSet = {};

/** Our own entry: the manager's Apply operation on the main resource, at whatever API version it was written. */
export function ownEntry(object: KubeObject): ManagedFields | undefined {
  return managedFieldsOf(object).find(isOwn);
}

export function isOwn(entry: ManagedFields): boolean {
  return entry.manager === FIELD_MANAGER && entry.operation === 'Apply' && !entry.subresource;
}

/**
 * The fields of our own entry. Keys that a Secret once had as `stringData` count as `data`: that is where they are
 * stored, and manifests are folded the same way when they are read.
 */
export function ownFields(object: KubeObject): FieldSet {
  const fields = fieldsOf(ownEntry(object));
  if (!ownsStringData(object)) return fields;
  const { 'f:stringData': written, ...others } = fields;
  return union(others, { 'f:data': written! });
}

/** Whether an earlier apply of ours wrote `stringData`, whose keys no later apply would remove. */
export function ownsStringData(object: KubeObject): boolean {
  return (
    object.apiVersion === 'v1' && object.kind === 'Secret' && 'f:stringData' in fieldsOf(ownEntry(object))
  );
}

export function fieldsOf(entry: ManagedFields | undefined): FieldSet {
  return (entry?.fieldsV1 as FieldSet | undefined) ?? EMPTY;
}

export function isLeaf(set: FieldSet): boolean {
  for (const edge in set) if (edge !== '.') return false;
  return true;
}

export function union(...sets: FieldSet[]): FieldSet {
  const result: FieldSet = {};
  for (const set of sets) {
    for (const [edge, child] of Object.entries(set)) {
      const known = Object.hasOwn(result, edge) ? result[edge]! : undefined;
      result[edge] = known ? union(known, child) : child;
    }
  }
  return result;
}

export function sameSet(a: FieldSet, b: FieldSet): boolean {
  return deepEqual(a as JsonObject, b as JsonObject);
}

/** The edge's meaning; undefined for `.` and for what this version of the format does not have. */
export function parseEdge(edge: string): PathStep | undefined {
  const body = edge.slice(2);
  switch (edge.slice(0, 2)) {
    case 'f:':
      return body;
    case 'k:':
      return { keys: JSON.parse(body) as Record<string, Json> };
    case 'v:':
      return { value: JSON.parse(body) as Json };
    case 'i:':
      return Number(body);
    default:
      return undefined;
  }
}

/** Whether the set holds the node at `path` itself or anything below it, or owns an ancestor as a whole. */
export function covers(set: FieldSet, path: readonly PathStep[]): boolean {
  let node = set;
  for (const [depth, step] of path.entries()) {
    const edge = edgeOf(node, step);
    if (edge === undefined) return depth > 0 && isLeaf(node);
    node = node[edge]!;
  }
  return true;
}

/** The edge of a node that a step follows. */
export function edgeOf(node: FieldSet, step: PathStep): string | undefined {
  if (typeof step === 'string') return `f:${step}` in node ? `f:${step}` : undefined;
  return Object.keys(node).find((candidate) => edgeMatches(candidate, step));
}

function edgeMatches(edge: string, step: PathStep): boolean {
  const parsed = parseEdge(edge);
  if (parsed === undefined) return false;
  if (typeof parsed !== 'object' || typeof step !== 'object') return parsed === step;
  return deepEqual(parsed as JsonObject, step as JsonObject);
}

/**
 * Which list items a node's `k:` edges name: each edge with its keys, found once. Items that no edge names belong
 * to other managers.
 */
export function keyedEdges(set: FieldSet): { edge: string; keys: Record<string, Json> }[] {
  const edges: { edge: string; keys: Record<string, Json> }[] = [];
  for (const edge in set) {
    if (edge.startsWith('k:')) edges.push({ edge, keys: JSON.parse(edge.slice(2)) as Record<string, Json> });
  }
  return edges;
}

/** The part of `value` that the set names. List items keep the order they have in `value`. */
export function project(value: Json | undefined, set: FieldSet): Json | undefined {
  if (value === undefined || isLeaf(set)) return value;
  if (Array.isArray(value)) return projectList(value, set);
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const key of Object.keys(value)) {
    const child = Object.hasOwn(set, `f:${key}`) ? set[`f:${key}`]! : undefined;
    if (child) setOwn(result, key, project(value[key], child)!);
  }
  return result;
}

function projectList(list: Json[], set: FieldSet): Json[] {
  const edges = keyedEdges(set);
  const result: Json[] = [];
  for (const [index, item] of list.entries()) {
    const keyed = isObject(item) ? edges.find(({ keys }) => matches(item, keys)) : undefined;
    if (keyed) {
      const part = project(item, set[keyed.edge]!);
      // The keys say which item it is, so they are shown even where they were defaulted and nobody owns them.
      result.push(isObject(part) ? { ...keyed.keys, ...(part as JsonObject) } : item);
    } else if (Object.hasOwn(set, `v:${stringifyJson(item)}`) || Object.hasOwn(set, `i:${index}`))
      result.push(item);
  }
  return result;
}

/** Whether an item has these keys. */
export function matches(item: JsonObject, keys: Record<string, Json>): boolean {
  for (const key in keys) if (!deepEqual(itemKey(item, key), keys[key])) return false;
  return true;
}

/** The value of an item's key. A manifest may leave out `protocol`, the one key with a default: it is TCP. */
export function itemKey(item: JsonObject, key: string): Json | undefined {
  return item[key] ?? (key === 'protocol' ? 'TCP' : undefined);
}
