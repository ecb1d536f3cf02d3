import { deepEqual, dig, isObject, type Json, type JsonObject } from '../model/json.ts';
import { formatPath, type PathStep } from '../model/path.ts';
import type { FieldChange } from '../model/plan.ts';
import { EMPTY, type FieldSet, keyedEdges, matches } from './field-set.ts';

/** A changed field with its path still in steps, for those who look up who owns it. */
export interface FieldDifference extends FieldChange {
  steps: PathStep[];
}

/**
 * The fields in which two views of an object differ, in a fixed order. `fields` tells how lists are matched: by
 * keys where it has `k:` edges, as sets where it has `v:` edges, else by position. A missing map is descended
 * into, so that an added label reads as that label; a list item that comes or goes is one change.
 */
export function diffFields(
  before: Json | undefined,
  after: Json | undefined,
  fields: FieldSet,
): FieldDifference[] {
  const differences: FieldDifference[] = [];
  compare(before, after, fields, [], differences);
  return differences;
}

function compare(
  before: Json | undefined,
  after: Json | undefined,
  fields: FieldSet,
  steps: PathStep[],
  out: FieldDifference[],
): void {
  if (deepEqual(before, after)) return;
  if (mapOrAbsent(before) && mapOrAbsent(after) && ((before && after) || !isEmptyMap(before ?? after))) {
    const keys = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
    for (const key of [...keys].sort()) {
      compare(dig(before, key), dig(after, key), fields[`f:${key}`] ?? EMPTY, [...steps, key], out);
    }
    return;
  }
  if (Array.isArray(before ?? []) && Array.isArray(after ?? [])) {
    const edges = keyedEdges(fields);
    const [left, right] = [(before ?? []) as Json[], (after ?? []) as Json[]];
    if (edges.length > 0) return compareKeyed(left, right, fields, edges, steps, out);
    if (Object.keys(fields).some((edge) => edge.startsWith('v:')))
      return compareSets(left, right, steps, out);
    if (before !== undefined && after !== undefined) return comparePositions(left, right, steps, out);
  }
  add(out, steps, before, after);
}

function compareKeyed(
  before: Json[],
  after: Json[],
  fields: FieldSet,
  edges: ReturnType<typeof keyedEdges>,
  steps: PathStep[],
  out: FieldDifference[],
): void {
  // What no key tells apart is shown as a whole: two entries of one name would hide each other.
  if (!namedOnce(before, edges) || !namedOnce(after, edges)) {
    if (!deepEqual(before, after)) add(out, steps, before, after);
    return;
  }
  const order: { before: number; after: number; keys: JsonObject }[] = [];
  for (const { edge, keys } of edges) {
    const left = before.findIndex((item) => isObject(item) && matches(item, keys));
    const right = after.findIndex((item) => isObject(item) && matches(item, keys));
    const path = [...steps, { keys }];
    if (left >= 0 && right >= 0) {
      order.push({ before: left, after: right, keys });
      compare(before[left], after[right], fields[edge]!, path, out);
    } else if (left >= 0 || right >= 0) add(out, path, before[left], after[right]);
  }
  const byBefore = [...order].sort((a, b) => a.before - b.before);
  const byAfter = [...order].sort((a, b) => a.after - b.after);
  // The order of env entries or containers means something: a move alone is a change too.
  if (byBefore.some((entry, index) => entry !== byAfter[index])) {
    add(
      out,
      steps,
      byBefore.map((entry) => entry.keys),
      byAfter.map((entry) => entry.keys),
    );
  }
}

/** Whether every item is named by an edge, and no two by the same. */
function namedOnce(items: Json[], edges: ReturnType<typeof keyedEdges>): boolean {
  const named = items.map((item) =>
    isObject(item) ? edges.find(({ keys }) => matches(item, keys)) : undefined,
  );
  return !named.includes(undefined) && new Set(named).size === named.length;
}

function compareSets(before: Json[], after: Json[], steps: PathStep[], out: FieldDifference[]): void {
  const gone = before.filter((value) => !after.includes(value));
  const come = after.filter((value) => !before.includes(value));
  for (const value of gone) add(out, [...steps, { value }], value, undefined);
  for (const value of come) add(out, [...steps, { value }], undefined, value);
  if (gone.length === 0 && come.length === 0) add(out, steps, before, after);
}

function comparePositions(before: Json[], after: Json[], steps: PathStep[], out: FieldDifference[]): void {
  for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
    const path = [...steps, index];
    if (index < before.length && index < after.length) compare(before[index], after[index], EMPTY, path, out);
    else add(out, path, before[index], after[index]);
  }
}

function add(
  out: FieldDifference[],
  steps: PathStep[],
  before: Json | undefined,
  after: Json | undefined,
): void {
  const difference: FieldDifference = { path: formatPath(steps), steps };
  if (before !== undefined) difference.before = before;
  if (after !== undefined) difference.after = after;
  out.push(difference);
}

function mapOrAbsent(value: Json | undefined): value is JsonObject | undefined {
  return value === undefined || isObject(value);
}

function isEmptyMap(value: JsonObject | undefined): boolean {
  return value !== undefined && Object.keys(value).length === 0;
}
