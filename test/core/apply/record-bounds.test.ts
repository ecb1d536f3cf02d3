import test from 'ava';
import { readRecord } from '../../../core/apply/read-record.ts';
import { recordData } from '../../../core/apply/record-text.ts';
import { entryOf, finishedStatus, withEntry } from '../../../core/apply/status.ts';
import type { Outcome } from '../../../core/model/apply.ts';
import type { HistoryEntry, RecordData, SetInventory } from '../../../core/model/record.ts';
import { stage } from '../../support/plan.ts';

const LIMIT = 1024 * 1024;
const TIMES = { startedAt: '2026-01-01T00:00:00.000Z', finishedAt: '2026-01-01T00:00:01.000Z' };
const facts = (files: string[] = ['deploy']) => ({ source: { files }, revision: 'f'.repeat(40) });

const outcomes = (count: number, result: 'failed' | 'applied', words: string): Outcome[] =>
  Array.from({ length: count }, (_none, index) => ({
    change: {
      id: {
        group: 'apps',
        version: 'v1',
        kind: 'Deployment',
        namespace: 'shop',
        name: `${words.slice(0, 200)}${index}`,
      },
      action: 'create',
      source: { file: `clusters/production/apps/${index}/deployment.yaml`, line: 1 },
    },
    result,
    ...(result === 'failed' && { error: { reason: 'Invalid', message: `${words} ${index}`, hint: words } }),
  }));

const inventory = (count: number, name: (index: number) => string): SetInventory => ({
  objects: new Map([
    [
      'deployment.apps -n shop',
      new Map(
        Array.from({ length: count }, (_none, index) => [
          name(index),
          `clusters/production/apps/${name(index)}/deployment.yaml:1`,
        ]),
      ),
    ],
  ]),
});

const sizeOf = (data: RecordData): number =>
  Object.entries(data).reduce(
    (sum, [key, text]) => sum + Buffer.byteLength(key) + Buffer.byteLength(text),
    0,
  );

/** The record of twenty runs, all of which went as badly as can be. */
function worst(words: string, result: 'failed' | 'applied'): RecordData {
  const all = outcomes(10_000, result, words);
  const status = finishedStatus(undefined, facts(Array.from({ length: 5000 }, () => words)), {
    outcomes: all,
    objects: all.map(({ change }) => ({ id: change.id, source: change.source! })),
    ...TIMES,
  });
  let history: HistoryEntry[] = [];
  for (let run = 0; run < 25; run += 1) {
    history = withEntry(history, { ...entryOf(status, all), revision: String(run) });
  }
  return recordData(
    status,
    history,
    inventory(10_000, (index) => `${words.slice(0, 200)}${index}`),
    'x'.repeat(50_000),
  );
}

for (const [what, words] of [
  ['long words', 'word '.repeat(2000)],
  ['one word without an end', 'w'.repeat(100_000)],
  ['characters of four bytes', '\u{1f600}'.repeat(5000)],
  ['quotes and line feeds', '"\n'.repeat(5000)],
] as const) {
  for (const result of ['failed', 'applied'] as const) {
    test(`10,000 ${result} objects with ${what} fit into a ConfigMap`, (t) => {
      const data = worst(words, result);
      t.true(sizeOf(data) < LIMIT, `${sizeOf(data)} bytes`);
      const { status, history, inventory: kept } = readRecord(data);
      t.is(history.length, 20);
      t.is(history[0]!.revision, '24');
      if (result === 'failed') {
        t.is(status!.failures!.length, 50);
        t.is(status!.moreFailures, 9950);
      } else {
        t.is(history[0]!.changed!.length, 10);
        t.is(history[0]!.moreChanged, 9990);
      }
      const listed = [...kept!.objects.values()].reduce((sum, { size }) => sum + size, 0);
      t.is(listed + (kept!.leftOut ?? 0), 10_000);
      t.true(listed > 200, `${listed} of 10,000`);
    });
  }
}

test('10,000 objects with names and paths of every day are all in the inventory', (t) => {
  const status = finishedStatus(undefined, facts(), { outcomes: [], objects: [], ...TIMES });
  const data = recordData(
    status,
    [],
    inventory(10_000, (index) => `service-${index}`),
    undefined,
  );
  const { inventory: read } = readRecord(data);
  t.is(read!.leftOut, undefined);
  t.is(read!.objects.get('deployment.apps -n shop')!.size, 10_000);
  t.true(sizeOf(data) < LIMIT);
});

test('names that are no ordinary keys keep their places', (t) => {
  const names = ['__proto__', 'constructor', '7', 'system:node', 'a"b'];
  const status = finishedStatus(undefined, facts(), { outcomes: [], objects: [], ...TIMES });
  const objects = new Map([
    ['clusterrole', new Map(names.map((name) => [name, `rbac.yaml:${name.length}`]))],
  ]);
  const { inventory: read } = readRecord(recordData(status, [], { objects }, undefined));
  t.deepEqual(
    [...read!.objects.get('clusterrole')!].sort(),
    names.map((name) => [name, `rbac.yaml:${name.length}`]).sort(),
  );
});

test('the API server takes the largest record', async (t) => {
  const on = await stage(t);
  const data = worst('"\n'.repeat(5000), 'failed');
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'large' }, data };
  await on.apply(JSON.stringify(object));
  t.is(await on.kubectl('get cm large -o name'), 'configmap/large\n');
});

test('kubectl prints a record line by line, whatever characters are in it', async (t) => {
  const on = await stage(t);
  const words =
    'tab\t nbsp\u00a0 escape\u001b del\u007f c1\u009b bidi\u202e bom\ufeff smile\u{1f600} lone\ud800 dots… end ';
  const failed = outcomes(1, 'failed', words);
  const run = { outcomes: failed, objects: [], ...TIMES };
  const status = finishedStatus(undefined, facts([words]), run);
  const objects = new Map([['clusterrole', new Map([[words, `${words}.yaml:1`]])]]);
  const data = recordData(status, [entryOf(status, failed)], { objects }, undefined);
  t.deepEqual(readRecord(data).inventory!.objects, objects);
  await on.apply(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'odd' }, data }));
  const text = await on.kubectl('get cm odd -o yaml');
  for (const key of Object.keys(data)) t.regex(text, new RegExp(`\n {2}${key}: \\|\n`), key);
});

test('a URL loses its credentials', (t) => {
  const source = { url: 'https://user:token@git.example.com/group/app.git' };
  const run = { outcomes: [], objects: [], ...TIMES };
  t.is(finishedStatus(undefined, { source }, run).source.url, 'https://git.example.com/group/app.git');
});
