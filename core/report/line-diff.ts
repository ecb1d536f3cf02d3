import { diffArrays } from 'diff';

/** jsdiff is quadratic in the number of edits: 400 take up to 20 ms, 4,000 take seconds. */
export const MAX_EDITS = 400;

/** A run of entries that is on both sides, or on one. */
export interface Run {
  kind: 'same' | 'removed' | 'added';
  count: number;
}

/** The shortest way from one sequence to another; undefined where it has more than `MAX_EDITS` edits. */
export function diffSequences(before: readonly string[], after: readonly string[]): Run[] | undefined {
  if (fewestEdits(before, after) > MAX_EDITS) return undefined;
  const parts = diffArrays([...before], [...after], { maxEditLength: MAX_EDITS });
  return parts?.map(({ added, removed, count }) => ({
    kind: added ? 'added' : removed ? 'removed' : 'same',
    count,
  }));
}

// Entries that only one side has must be edits. Counting them is linear, and spares the search for what is a
// replacement of everything, which is the most common long diff.
function fewestEdits(before: readonly string[], after: readonly string[]): number {
  const surplus = new Map<string, number>();
  for (const entry of before) surplus.set(entry, (surplus.get(entry) ?? 0) + 1);
  for (const entry of after) surplus.set(entry, (surplus.get(entry) ?? 0) - 1);
  let edits = 0;
  for (const count of surplus.values()) edits += Math.abs(count);
  return edits;
}
