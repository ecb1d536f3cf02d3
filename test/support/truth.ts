/** Holds what a plan says of an object against what was there before and what came of it. */
import type { ExecutionContext } from 'ava';
import { deepEqual, isObject, type Json, stringifyJson } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/object.ts';
import { type PathStep, parsePath } from '../../core/model/path.ts';
import type { Change } from '../../core/model/plan.ts';
import { valueAt } from '../../core/plan/places.ts';

/** Whether a planned change says of an object what it was, what it became, and all of it. */
export function trueAfter(
  { t }: { t: ExecutionContext },
  change: Change,
  before: KubeObject | undefined,
  after: KubeObject | undefined,
  beside: readonly string[] = [],
): void {
  const name = `${change.id.kind}/${change.id.name}`;
  t.truthy(after, `${name} is there after an apply`);
  if (change.action === 'create') {
    t.is(before, undefined, `${name} is new`);
    t.true(holds(after, change.after), `${name} is created as planned`);
    return;
  }
  const fields = change.fields ?? [];
  for (const field of fields) {
    const path = parsePath(field.path);
    t.true(holdsAt(before, path, field.before), `${name} ${field.path} was as the plan says: ${show(field)}`);
    t.true(
      holdsAt(after, path, field.after),
      `${name} ${field.path} became what the plan says: ${show(field)}`,
    );
  }
  const known = [...fields.map(({ path }) => looseKey(parsePath(path))), ...beside];
  const silent = differences(before, after).filter(
    (key) => !known.some((other) => within(key, other) || within(other, key)),
  );
  t.deepEqual(silent, [], `${name}: fields that changed and are not in the plan`);
}

function show(value: unknown): string {
  return stringifyJson(value);
}

/** A planned value holds no more than our own part of the live one; absent has to be absent. */
function holdsAt(
  object: KubeObject | undefined,
  path: readonly PathStep[],
  planned: Json | undefined,
): boolean {
  return holds(valueAt(object, path), planned);
}

function holds(live: Json | undefined, planned: Json | undefined): boolean {
  if (planned === undefined) return live === undefined;
  if (typeof planned === 'string' && /^\((un)?changed\)$/.test(planned)) return live !== undefined;
  if (Array.isArray(planned)) {
    return Array.isArray(live) && planned.every((item) => live.some((candidate) => holds(candidate, item)));
  }
  if (!isObject(planned)) return deepEqual(live, planned);
  return isObject(live) && Object.keys(planned).every((key) => holds(live[key], planned[key]));
}

function looseKey(path: readonly PathStep[]): string {
  return path.filter((step) => typeof step === 'string').join('.');
}

function within(key: string, other: string): boolean {
  return key === other || key.startsWith(`${other}.`);
}

// What every write or a controller changes.
const VOLATILE =
  /^(status|metadata\.(managedFields|resourceVersion|generation)|metadata\.annotations\.(kubectl\.kubernetes\.io\/last-applied-configuration|deployment\.kubernetes\.io\/revision))(\.|$)/;

/** The map keys down to every value that differs; lists of different lengths count as one value. */
function differences(a: Json | undefined, b: Json | undefined, at: string[] = []): string[] {
  if (VOLATILE.test(at.join('.')) || deepEqual(a, b)) return [];
  if ((isObject(a) || a === undefined) && (isObject(b) || b === undefined)) {
    const keys = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]);
    if (keys.size > 0) return [...keys].flatMap((key) => differences(a?.[key], b?.[key], [...at, key]));
  }
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    return a.flatMap((item, index) => differences(item, b[index], at));
  }
  return [at.join('.')];
}
