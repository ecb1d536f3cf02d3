import test from 'ava';
import { applyPatch } from 'diff';
import { load } from 'js-yaml';
import type { Json } from '../../../core/model/json.ts';
import { FIELD_LINES, formatPatch, OBJECT_LINES, patch } from '../../../core/report/patch.ts';
import { treeDiff } from '../../../core/report/tree-diff.ts';
import { yamlText } from '../../../core/report/yaml.ts';
import { mutate, randomFrom, randomJson } from './random.ts';
import { change, numbered } from './samples.ts';

const patchOf = (before: Json | undefined, after: Json | undefined): string =>
  formatPatch(
    patch(change(before === undefined ? 'create' : after === undefined ? 'delete' : 'update', before, after)),
  );
const changedLines = (text: string): string[] => text.split('\n').filter((line) => /^[-+~]/.test(line));

test('lines of both sides are the YAML of both sides, whatever changed', (t) => {
  const random = randomFrom(11);
  for (let round = 0; round < 500; round++) {
    const before = { root: randomJson(random, 5) };
    const after = { root: mutate(random, before.root, 4) };
    const side = (mark: '-' | '+'): unknown =>
      load(
        treeDiff(before, after)
          .filter((line) => line.mark === ' ' || line.mark === mark)
          .map((line) => `${line.text}\n`)
          .join(''),
      );
    t.deepEqual(side('-'), before);
    t.deepEqual(side('+'), after);
  }
});

test('programs that read unified diffs can apply a patch', (t) => {
  const random = randomFrom(5);
  let applied = 0;
  for (let round = 0; round < 500; round++) {
    const before = { root: randomJson(random, 5) };
    const after = { root: mutate(random, before.root, 4) };
    const [old, fresh] = [yamlText(before), yamlText(after)];
    if (old === fresh || /"\\$/m.test(old + fresh)) continue;
    const text = patchOf(before, after);
    // Where only line ends differ the strings are quoted, and the texts are no longer those of yamlText.
    if (/"\\$/m.test(text)) continue;
    t.is(applyPatch(old, text), fresh, text);
    applied++;
  }
  t.true(applied > 100);
});

test('a change stays with its list item', (t) => {
  const before = {
    containers: [
      { name: 'a', image: 'x' },
      { name: 'b', image: 'x' },
    ],
  };
  const after = { containers: [{ name: 'new', image: 'x' }, ...before.containers] };
  t.deepEqual(changedLines(patchOf(before, after)), ['+- name: new', '+  image: x']);
});

test('items without a name are recognised by what stayed the same', (t) => {
  const rule = (verbs: string[], resource: string): Json => ({
    apiGroups: [''],
    resources: [resource],
    verbs,
  });
  const text = patchOf(
    { rules: [rule(['get'], 'pods'), rule(['get'], 'secrets')] },
    { rules: [rule(['get', 'list'], 'pods'), rule(['get'], 'secrets')] },
  );
  t.deepEqual(changedLines(text), ['+  - list']);
  t.regex(text, /^@@ -5,6 \+5,7 @@ rules\[0\]\.verbs$/m);
});

test('exchanged scalars stand side by side', (t) => {
  t.deepEqual(changedLines(patchOf({ a: ['x', 'z'] }, { a: ['X', 'Z'] })), ['-- x', '+- X', '-- z', '+- Z']);
});

test('a moved dash is shown on both sides', (t) => {
  const text = patchOf({ p: [{ port: 80, to: 1 }] }, { p: [{ from: 'x', port: 80, to: 1 }] });
  t.deepEqual(changedLines(text), ['+- from: x', '-- port: 80', '+  port: 80']);
});

test('strings are compared by line, and only what differs is shown', (t) => {
  const text = patchOf(
    { data: { f: numbered(50, 'l') } },
    { data: { f: numbered(50, 'l').replace('l30\n', 'L\n') } },
  );
  t.is(
    text,
    '@@ -29,7 +29,7 @@ data.f\n     l27\n     l28\n     l29\n-    l30\n+    L\n     l31\n     l32\n     l33\n',
  );
});

test('differences in spaces at line ends and in line ends are visible', (t) => {
  t.deepEqual(changedLines(patchOf({ a: 'x\ny\n' }, { a: 'x \ny\n' })), ['-  x\\n\\', '+  x \\n\\']);
  t.deepEqual(changedLines(patchOf({ a: 'x\ny\n' }, { a: 'x\r\ny\n' })), ['-  x\\n\\', '+  x\\r\\n\\']);
  t.deepEqual(changedLines(patchOf({ a: 'x\ny\n' }, { a: 'x\ny' })), ['-a: |', '+a: |-']);
});

test('too many changed lines of a string are counted, the rest of the object is shown', (t) => {
  const before = { data: { 'app.yaml': numbered(20_000, 'a'), b: 'x' } };
  const after = { data: { 'app.yaml': numbered(20_001, 'c'), b: 'z' } };
  t.deepEqual(changedLines(patchOf(before, after)), [
    '~ data["app.yaml"]: 20,000 lines → 20,001 lines, too many changes to show',
    '-  b: x',
    '+  b: z',
  ]);
});

test('few changes in a very long string are shown', (t) => {
  const before = { data: { f: numbered(40_000, 'a') } };
  const after = { data: { f: `${numbered(40_000, 'a')}end\n` } };
  t.deepEqual(changedLines(patchOf(before, after)), ['+    end']);
});

test('a shuffled string is bounded too', (t) => {
  const lines = numbered(20_000, 'a').trimEnd().split('\n');
  const text = patchOf({ f: lines.join('\n') }, { f: lines.toReversed().join('\n') });
  t.is(text, '~ f: 20,000 lines → 20,000 lines, too many changes to show\n');
});

test('of a long string that comes or goes the first lines are shown', (t) => {
  const object = { data: { long: numbered(20_000, 'l'), short: 'x' } };
  for (const [text, word] of [
    [patchOf(undefined, object), 'added'],
    [patchOf(object, undefined), 'removed'],
  ] as const) {
    const shown = changedLines(text);
    t.is(shown.length, 1 + FIELD_LINES + 1 + 1);
    t.is(
      shown.at(-2),
      `~ data.long: ${(20_001 - FIELD_LINES).toLocaleString('en')} more lines ${word}, not shown`,
    );
    t.regex(shown.at(-1)!, /^[-+] {2}short: x$/);
  }
});

test('an object of very many fields is bounded', (t) => {
  const map = (value: string): Json =>
    Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`k${index}`, value]));
  const shown = patch(change('update', { data: map('a') }, { data: map('b') }));
  t.is(shown.length, OBJECT_LINES + 1);
  t.is(shown.at(-1)!.text, 'and 39,501 lines added, 39,501 lines removed, not shown');
});

test('a list of very many changed items is bounded', (t) => {
  const list = (value: string): Json => Array.from({ length: 40_000 }, (_, index) => `${value}${index}`);
  t.is(patch(change('update', { data: list('a') }, { data: list('b') })).length, OBJECT_LINES + 1);
});

test('wide lines are cut, and show where they differ', (t) => {
  const wide = (middle: string): Json => ({
    data: { f: 'x'.repeat(100_000) + middle + 'y'.repeat(100_000) },
  });
  const [removed, added] = changedLines(patchOf(wide('old'), wide('new')));
  t.regex(removed!, /^- {2}f: x+…\(\d+ characters\)…x+oldy+…\(\d+ characters\)…y+$/);
  t.regex(added!, /xnewy/);
  t.true(removed!.length < 700 && added!.length < 700);
  const created = changedLines(patchOf(undefined, wide('new')))[1]!;
  t.regex(created, /^\+ {2}f: x+…\(\d+ characters\)…y+$/);
});

test('a wide line shows both ends of what differs, and no half characters', (t) => {
  const wide = (middle: string): Json => ({ f: '🚀'.repeat(5_000) + middle + '🚀'.repeat(5_000) });
  const shown = changedLines(patchOf(wide(`<${'a'.repeat(3_000)}>`), wide(`[${'b'.repeat(4_000)}]`)));
  t.regex(shown[0]!, /<a+…\(\d+ characters\)…a+>/);
  t.regex(shown[1]!, /\[b+…\(\d+ characters\)…b+\]/);
  t.true(shown.every((line) => line.isWellFormed()));
});

test('marks of secret values are shown as they come', (t) => {
  const text = patchOf(
    { data: { a: '(changed, before)', b: '(unchanged)', c: '(changed)' } },
    { data: { a: '(changed, after)', b: '(unchanged)' } },
  );
  t.deepEqual(changedLines(text), ['-  a: (changed, before)', '+  a: (changed, after)', '-  c: (changed)']);
});

test('where only fields are known, they are shown', (t) => {
  const fields = [
    { path: 'spec.replicas', before: 2, after: 3 },
    { path: 'metadata.labels["a.b/c"]', after: 'x' },
  ];
  const text = formatPatch(patch({ ...change('update', undefined, undefined), fields, verified: false }));
  t.deepEqual(changedLines(text), ['+metadata.labels["a.b/c"]: x', '-spec.replicas: 2', '+spec.replicas: 3']);
});

test('where only added fields are known, nothing is shown as removed', (t) => {
  const fields = [{ path: 'a', after: 1 }];
  t.deepEqual(changedLines(formatPatch(patch({ ...change('update', undefined, undefined), fields }))), [
    '+a: 1',
  ]);
});

test('what changes nothing has no patch', (t) => {
  for (const action of ['unknown', 'skip', 'unchanged'] as const)
    t.deepEqual(patch(change(action, 1, 2)), []);
  t.deepEqual(patch(change('update', { a: 1 }, { a: 1 })), []);
});

test('a hostile run of spaces costs no more than its length', (t) => {
  const spaces = (end: string): Json => ({ f: `x\n${' '.repeat(1_000_000)}${end}\n` });
  t.is(changedLines(patchOf(spaces('a'), spaces('b'))).length, 2);
});
