import { deepEqual, isObject, type Json } from '../model/json.ts';
import { diffSequences, type Run } from './line-diff.ts';
import { isMultiLine } from './scalar.ts';
import { yamlText } from './yaml.ts';

/** Positions of items that belong together; one is undefined where an item is only on one side. */
export type Match = [before: number | undefined, after: number | undefined];

// How far a changed item without a name may have moved within a run of changed items and still be recognised.
const REACH = 8;

/**
 * Matches the items of two lists, in an order that keeps both lists' own: by name where items have one, else by
 * equality, and what is then left between two matches by similarity. Linear beyond `MAX_EDITS` edits: then all of
 * the old goes before all of the new.
 */
export function matchItems(before: readonly Json[], after: readonly Json[]): Match[] {
  const everything: Run[] = [
    { kind: 'removed', count: before.length },
    { kind: 'added', count: after.length },
  ];
  const runs = diffSequences(before.map(identity), after.map(identity)) ?? everything;
  const matches: Match[] = [];
  let at = { before: 0, after: 0 };
  let pending = { before: 0, after: 0 };
  const flush = (): void => {
    matchRun(before, after, { ...at }, pending, matches);
    at = { before: at.before + pending.before, after: at.after + pending.after };
    pending = { before: 0, after: 0 };
  };
  for (const run of runs) {
    if (run.kind === 'removed') pending.before += run.count;
    else if (run.kind === 'added') pending.after += run.count;
    else {
      flush();
      for (let index = 0; index < run.count; index++) matches.push([at.before++, at.after++]);
    }
  }
  flush();
  return matches;
}

// Between two items that stay, old items come before new ones, as in any diff; scalars that were exchanged one for
// one stand side by side.
function matchRun(
  before: readonly Json[],
  after: readonly Json[],
  start: { before: number; after: number },
  count: { before: number; after: number },
  matches: Match[],
): void {
  const oldEnd = start.before + count.before;
  const exchanged = count.before === count.after;
  let old = start.before;
  let added: number[] = [];
  const flush = (end: number): void => {
    while (old < end) matches.push([old++, undefined]);
    for (const index of added) matches.push([undefined, index]);
    added = [];
  };
  for (let fresh = start.after; fresh < start.after + count.after; fresh++) {
    const end = Math.min(oldEnd, old + REACH);
    let found = old;
    while (found < end && !similar(before[found]!, after[fresh]!)) found++;
    added.push(fresh);
    if (found < end) {
      added.pop();
      flush(found);
      matches.push([old++, fresh]);
    } else if (exchanged && old < oldEnd && !nested(before[old]!) && !nested(after[fresh]!)) flush(old + 1);
  }
  flush(oldEnd);
}

function identity(item: Json): string {
  return nameOf(item) ?? yamlText(item);
}

function nameOf(item: Json): string | undefined {
  return isObject(item) && typeof item.name === 'string' ? `name ${item.name}` : undefined;
}

function similar(a: Json, b: Json): boolean {
  if (isMultiLine(a) && isMultiLine(b)) return true;
  if (!isObject(a) || !isObject(b) || nameOf(a) !== nameOf(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  let equal = 0;
  for (const key of keys) if (deepEqual(a[key], b[key])) equal += 1;
  return equal * 2 >= keys.size;
}

function nested(item: Json): boolean {
  return typeof item === 'object' && item !== null;
}
