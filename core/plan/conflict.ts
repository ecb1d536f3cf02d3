import type { KubeObject, ManagedFields } from '../model/object.ts';
import { formatPath, type PathStep, parsePath } from '../model/path.ts';
import type { Change, Verdict } from '../model/plan.ts';
import { edgeOf, type FieldSet, fieldsOf, isLeaf } from './field-set.ts';
import { othersEntries } from './ownership.ts';
import { replaceAt } from './places.ts';
import type { Yielded } from './yield.ts';

type Conflicts = NonNullable<Change['conflicts']>;

const WAYS_OUT = '--conflicts=take takes them, --conflicts=keep leaves them';

/** The verdict on an object whose conflicts may not be settled by taking the fields. */
export function conflicting(conflicts: Conflicts): Verdict {
  const named = conflicts.map(({ path, manager }) => `${path} belongs to ${manager}`);
  return { action: 'unknown', reason: 'Conflict', message: `${named.join(', ')}; ${WAYS_OUT}`, conflicts };
}

/**
 * The object without what others hold of the conflicting fields. Where a list or map is held as a whole, it is left
 * to them as a whole: half of it would be an apply of something that nobody wanted.
 */
export function leaveToOthers(
  object: KubeObject,
  live: KubeObject,
  conflicts: Conflicts,
  taken: readonly ManagedFields[],
): Yielded {
  const others = othersEntries(live, taken).map(fieldsOf);
  const paths = new Map<string, PathStep[]>();
  for (const conflict of conflicts) {
    const steps = parsePath(conflict.path);
    const held = others.map((set) => heldAt(set, steps)).filter((path) => path !== undefined);
    const whole = held.toSorted((a, b) => a.length - b.length)[0] ?? steps;
    paths.set(formatPath(whole), whole);
  }
  let result = object;
  for (const path of paths.values()) result = replaceAt(result, path, undefined) as KubeObject;
  return { object: result, yielded: [...paths.keys()] };
}

/** The node at or above `path` that the set holds; undefined where it holds nothing there. */
function heldAt(set: FieldSet, path: readonly PathStep[]): PathStep[] | undefined {
  let node = set;
  for (const [depth, step] of path.entries()) {
    const edge = edgeOf(node, step);
    if (edge === undefined) return depth > 0 && isLeaf(node) ? path.slice(0, depth) : undefined;
    node = node[edge]!;
  }
  return [...path];
}
