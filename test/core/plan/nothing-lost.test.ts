import test from 'ava';
import { deepEqual, isObject, type Json, type JsonObject, stringifyJson } from '../../../core/model/json.ts';
import type { Manifest } from '../../../core/model/manifest.ts';
import type { KubeObject } from '../../../core/model/object.ts';
import { compareSets } from '../../../core/plan/compare.ts';
import { fieldsOfManifest } from '../../../core/plan/local.ts';
import { SecretGate } from '../../../core/plan/secret-gate.ts';
import { view } from '../../../core/plan/shape.ts';
import { Random } from '../../support/random.ts';
import { randomObject } from '../../support/random-objects.ts';

const ROUNDS = 3000;

test('two manifests are unchanged where they are the same, and nowhere else', (t) => {
  for (let seed = 1; seed <= ROUNDS; seed += 1) {
    const random = new Random(seed);
    const before = randomObject(random, 'a', 'x');
    const after = structuredClone(before);
    for (let edits = random.int(3); edits > 0; edits -= 1) edit(random, withoutNames(after));
    const [change] = compareSets([manifestOf(before)], [manifestOf(after)], new SecretGate()).changes;
    const expected = deepEqual(before as unknown as Json, after as unknown as Json) ? 'unchanged' : 'update';
    t.is(change!.action, expected, `seed ${seed}: ${stringifyJson([before, after] as unknown as Json)}`);
  }
});

test('an object that is shown without having been asked about is shown whole', (t) => {
  for (let seed = 1; seed <= ROUNDS; seed += 1) {
    const random = new Random(seed);
    const object = randomObject(random, 'a', 'x');
    for (let edits = random.int(3); edits > 0; edits -= 1) edit(random, withoutNames(object));
    const shown = view(object, fieldsOfManifest(object, manifestOf(object).id));
    t.true(
      holds(shown, object as unknown as Json),
      `seed ${seed}: ${stringifyJson([object, shown] as unknown as Json)}`,
    );
  }
});

test('of an object in which nothing is ours only the name is shown, none of what the server filled in', (t) => {
  const live = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'a', uid: '1' },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
  t.deepEqual(view(live, {}), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } });
});

/** Whether `shown` has everything of `given`; keys of list items may have come to it. */
function holds(shown: Json | undefined, given: Json): boolean {
  if (Array.isArray(given)) {
    const same = Array.isArray(shown) && shown.length === given.length;
    return same && given.every((item, index) => holds((shown as Json[])[index], item));
  }
  if (!isObject(given)) return deepEqual(shown, given);
  return isObject(shown) && Object.entries(given).every(([key, value]) => holds(shown[key], value));
}

/** What an edit may touch: the names stay, or it would be another object. */
function withoutNames(object: KubeObject): JsonObject {
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...rest } = object;
  return rest as unknown as JsonObject;
}

/** Changes, adds, doubles or takes away something, somewhere below `value`. */
function edit(random: Random, value: Json): void {
  if (typeof value !== 'object' || value === null) return;
  const keys = Object.keys(value);
  if (keys.length === 0) return;
  const holder = value as Record<string, Json>;
  const key = random.pick(keys);
  const child = holder[key]!;
  if (typeof child === 'object' && child !== null && random.chance(0.85)) return edit(random, child);
  if (!Array.isArray(value)) {
    if (random.chance(0.3)) delete holder[key];
    else holder[key] = random.pick<Json>([`${random.int(9)}`, random.int(9), 'UDP', 'alpha']);
    return;
  }
  const at = Number(key);
  if (random.chance(0.5)) value.splice(at, 0, structuredClone(child));
  else value.splice(at, 1);
}

function manifestOf(object: KubeObject): Manifest {
  const [group = '', version] = object.apiVersion.includes('/')
    ? object.apiVersion.split('/')
    : ['', object.apiVersion];
  const { name, namespace } = object.metadata as { name: string; namespace: string };
  return {
    id: { group, version: version!, kind: object.kind, namespace, name },
    object,
    source: { file: 'a.yaml', line: 1, column: 1 },
  };
}
