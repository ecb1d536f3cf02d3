import { deepEqual, isObject, type Json, type JsonObject, setOwn, stringifyJson } from '../model/json.ts';
import { formatPath, hasKeys, type Path, type PathStep } from '../model/path.ts';
import { type FieldSet, isLeaf, keyedEdges } from './field-set.ts';

/** A node of an object, named as the API server names it. */
export interface Place {
  path: PathStep[];
  /** The fields that are owned there; undefined where nobody owns anything. */
  owned: FieldSet | undefined;
  /** Whether it lies inside a list or map that is owned as a whole. */
  inWhole: boolean;
}

/** The root of an object whose fields are owned as `owned` says. */
export function rootPlace(owned: FieldSet): Place {
  return { path: [], owned, inWhole: false };
}

/**
 * The places in `value` that a pattern means: a map key met at a list stands for every item of it, a position for
 * the item that is there. Items of keyed lists are named by their keys, whatever the pattern calls them.
 */
export function expand(value: Json | undefined, pattern: Path, place: Place): Place[] {
  const [step, ...rest] = pattern;
  if (step === undefined) return value === undefined ? [] : [place];
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => {
      if (typeof step === 'string') return expand(item, pattern, itemPlace(place, item, index));
      return isAt(item, index, step) ? expand(item, rest, itemPlace(place, item, index)) : [];
    });
  }
  // A JSON pointer has no way to tell a key of digits from a position.
  const key = typeof step === 'number' ? String(step) : step;
  if (typeof key !== 'string' || !isObject(value) || !Object.hasOwn(value, key)) return [];
  return expand(value[key], rest, keyPlace(place, key));
}

/**
 * The places below `place` that an apply treats as one: values, what is owned as a whole, and what stands in one of
 * the two values only. Keys that name a list item are left out.
 */
export function unitsBelow(desired: Json | undefined, ours: Json | undefined, place: Place): Place[] {
  const { path, owned, inWhole } = place;
  if (ours === undefined || inWhole || !owned || isLeaf(owned)) return [place];
  if (Array.isArray(desired) && Array.isArray(ours)) {
    const items = new Map<string, { at: Place; sides: [Json?, Json?] }>();
    for (const [side, list] of [desired, ours].entries()) {
      for (const [index, item] of list.entries()) {
        const at = itemPlace(place, item, index);
        const name = formatPath(at.path);
        const known = items.get(name);
        if (known) known.sides[side] = item;
        else items.set(name, { at, sides: side === 0 ? [item] : [undefined, item] });
      }
    }
    return [...items.values()].flatMap(({ at, sides: [left, right] }) => unitsBelow(left, right, at));
  }
  // A map that only we have live is gone through, for others may own parts of it; a list item is one.
  const wanted = desired === undefined && typeof path.at(-1) === 'string' ? {} : desired;
  if (!isObject(wanted) || !isObject(ours)) return [place];
  const keys = new Set([...Object.keys(wanted), ...Object.keys(ours)]);
  return [...keys]
    .filter((key) => !isNamingKey(place, key))
    .flatMap((key) => unitsBelow(childOf(wanted, key), childOf(ours, key), keyPlace(place, key)));
}

function childOf(value: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The places of `value` that `mine`, a part of all owned fields, names. */
export function placesOwned(value: Json, mine: FieldSet, place: Place): Place[] {
  const owned = place.owned ?? {};
  // Whoever owns a map alone, and nothing in it, has no say in what others put there.
  if (isLeaf(mine)) return isLeaf(owned) ? [place] : [];
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => {
      const at = itemPlace(place, item, index);
      const edge = edgeOf(mine, item);
      return edge === undefined ? [] : placesOwned(item, mine[edge]!, at);
    });
  }
  if (!isObject(value)) return [];
  return Object.keys(value)
    .filter((key) => Object.hasOwn(mine, `f:${key}`) && !isNamingKey(place, key))
    .flatMap((key) => placesOwned(value[key]!, mine[`f:${key}`]!, keyPlace(place, key)));
}

/** Whether a key is one of those that name the item at `place`. */
export function isNamingKey({ path, inWhole }: Place, key: string): boolean {
  const item = path.at(-1);
  return !inWhole && typeof item === 'object' && 'keys' in item && Object.hasOwn(item.keys, key);
}

function keyPlace({ path, owned, inWhole }: Place, key: string): Place {
  const edge = `f:${key}`;
  return {
    path: [...path, key],
    owned: owned && Object.hasOwn(owned, edge) ? owned[edge] : undefined,
    inWhole: inWhole || (owned !== undefined && isLeaf(owned)),
  };
}

function itemPlace({ path, owned, inWhole }: Place, item: Json, index: number): Place {
  const edge = owned && edgeOf(owned, item);
  return {
    path: [...path, itemStep(item, index, edge)],
    owned: edge === undefined ? undefined : owned![edge],
    inWhole: inWhole || (owned !== undefined && isLeaf(owned)),
  };
}

function itemStep(item: Json, index: number, edge: string | undefined): PathStep {
  if (edge?.startsWith('k:')) return { keys: JSON.parse(edge.slice(2)) as JsonObject };
  if (!isObject(item)) return edge === undefined ? index : { value: item };
  const { name } = item as JsonObject;
  return typeof name === 'string' ? { keys: { name } } : index;
}

function edgeOf(set: FieldSet, item: Json): string | undefined {
  if (isObject(item)) return keyedEdges(set).find(({ keys }) => namesItem(item, keys))?.edge;
  const edge = `v:${stringifyJson(item)}`;
  return Object.hasOwn(set, edge) ? edge : undefined;
}

/** `protocol: TCP` is the one default that a key of a list item has in all schemas. */
function namesItem(item: Json, keys: Record<string, Json>): boolean {
  return (
    isObject(item) &&
    hasKeys({ ...('protocol' in keys && { protocol: 'TCP' }), ...(item as JsonObject) }, keys)
  );
}

function isAt(item: Json, index: number, step: Exclude<PathStep, string>): boolean {
  if (typeof step === 'number') return index === step;
  return 'keys' in step ? namesItem(item, step.keys) : deepEqual(item, step.value);
}

export function valueAt(value: Json | undefined, path: Path): Json | undefined {
  let node = value;
  for (const step of path) {
    if (typeof step === 'string')
      node = isObject(node) && Object.hasOwn(node, step) ? (node as JsonObject)[step] : undefined;
    else node = Array.isArray(node) ? node.find((item, index) => isAt(item, index, step)) : undefined;
  }
  return node;
}

/**
 * A copy of `value` with the node at `path` replaced or added, or taken out where `replacement` is undefined: maps
 * and lists that become empty go with it. What can't be reached stays away.
 */
export function replaceAt(value: Json, path: Path, replacement: Json | undefined): Json | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return replacement;
  if (typeof step === 'string') {
    if (!isObject(value)) return value;
    const before = Object.hasOwn(value, step) ? value[step] : undefined;
    const start = before ?? (rest.every((next) => typeof next === 'string') ? {} : undefined);
    const child = start === undefined ? undefined : replaceAt(start, rest, replacement);
    const copy = { ...value };
    if (child === undefined || (before === undefined && replacement === undefined)) delete copy[step];
    else setOwn(copy, step, child);
    return Object.keys(copy).length === 0 ? undefined : copy;
  }
  if (!Array.isArray(value)) return value;
  const index = value.findIndex((item, position) => isAt(item, position, step));
  if (index < 0) return rest.length === 0 && replacement !== undefined ? [...value, replacement] : value;
  const child = replaceAt(value[index]!, rest, replacement);
  const list = child === undefined ? value.toSpliced(index, 1) : value.with(index, child);
  return list.length === 0 ? undefined : list;
}
