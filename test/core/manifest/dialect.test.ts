import test from 'ava';
import { parseText } from '../../../core/manifest/dialect.ts';
import { deepEqual, isObject } from '../../../core/model/json.ts';
import { ODDITIES, textOf } from './oddities.ts';

for (const oddity of ODDITIES) {
  test(`kubectl's dialect: ${oddity.title} (${oddity.body.slice(0, 40)})`, (t) => {
    const { documents, faults } = parseText(textOf(oddity, 'x').replace(/^\ufeff/, ''));
    if (oddity.refused) {
      t.is(faults[0]?.code, oddity.refused);
      return;
    }
    t.deepEqual(faults, []);
    t.is(documents.length, 1);
    const { value } = documents[0]!;
    t.true(isObject(value) && deepEqual(value.spec, oddity.value), String(isObject(value) && value.spec));
  });
}

const places: [title: string, text: string, code: string, offset: number, other?: number][] = [
  ['the second of two keys', 'a: 1\nb: {c: 1,\n  c: 2}\n', 'DuplicateKey', 17, 9],
  ['the second of two keys in JSON', '{"a": 1,\n "a": 2}', 'DuplicateKey', 10, 1],
  ['in the second document', 'a: 1\n---\nb: .inf\n', 'NotANumber', 12],
  ['behind lines that had to be indented', 'a: [\n1,\n2\n]\nb: .nan\n', 'NotANumber', 15],
  ['inside of such lines', 'a: [\n1,\n.nan\n]\n', 'NotANumber', 8],
  ['an empty key', 'a: 1\n? \n: b\n', 'BadKey', 10],
  ['JSON that is broken', '{"a": [1, 2}', 'Syntax', 11],
  ['after the second JSON value', '{}\n{}\nnope', 'Syntax', 6],
];
for (const [title, text, code, offset, other] of places) {
  test(`the place of a fault: ${title}`, (t) => {
    const [fault] = parseText(text).faults;
    t.is(fault?.code, code);
    t.is(fault?.offset, offset);
    t.is(fault?.other, other);
  });
}

test('every document has its place, and one bad document does not hide the others', (t) => {
  const text = '# first\na: 1\n---\nb: [\n---\n\n  c: 3\n---\nd: &x\n--- e\nf: 1\n---\n- g\n';
  const { documents, faults } = parseText(text);
  t.deepEqual(
    documents.map(({ value, offset }) => [value, text[offset]]),
    [
      [{ a: 1 }, 'a'],
      [{ c: 3 }, 'c'],
      [{ d: null }, 'd'],
      [['g'], '-'],
    ],
  );
  t.deepEqual(
    faults.map(({ code }) => code),
    ['Syntax', 'BadSeparator'],
  );
});

test('streams of JSON, and YAML after JSON', (t) => {
  const values = (text: string) => parseText(text).documents.map(({ value }) => value);
  t.deepEqual(values('{"a":1}{"b":2}\n {"c":3}'), [{ a: 1 }, { b: 2 }, { c: 3 }]);
  t.deepEqual(values('{"a":1}\n---\nb: 2\n---\nc: 3\n'), [{ a: 1 }, { b: 2 }, { c: 3 }]);
  t.deepEqual(values('\n\n{a: 1}\n---\n{b: 2}'), [{ a: 1 }, { b: 2 }]);
  // kubectl does this since 1.33; before, it refused what begins as JSON and is none.
  t.deepEqual(values('{"a": 0644, "b": {c: yes}}'), [{ a: 420, b: { c: true } }]);
});

test('a change in a value of an alias does not show in the value of its anchor', (t) => {
  const { value } = parseText('a: &a {b: {c: 1}}\nd: *a\n').documents[0]!;
  t.true(
    isObject(value) &&
      isObject(value.a) &&
      isObject(value.d) &&
      value.a !== value.d &&
      value.a.b !== value.d.b,
  );
});

const hostile: [title: string, text: string][] = [
  ['100,000 brackets', '['.repeat(100_000)],
  ['100,000 open JSON objects', '{"a":'.repeat(100_000)],
  ['100,000 dashes', '- '.repeat(100_000)],
  ['100,000 anchors', '&a '.repeat(100_000)],
  [
    'a chain of 600 aliases',
    `a0: &a0 [x]\n${Array.from({ length: 600 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}]\n`).join('')}`,
  ],
  ['quotes and brackets in a row', `a: ${'["'.repeat(5000)}`],
  [
    'merges of merges',
    `a0: &a0 {x0: 1}\n${Array.from({ length: 40 }, (_, n) => `a${n + 1}: &a${n + 1} {<<: [*a${n}, *a${n}], x${n + 1}: 1}\n`).join('')}`,
  ],
  ['a million separators', '---\n'.repeat(1_000_000)],
  ['9 MiB in one document', `a: ${'x'.repeat(9 * 1024 * 1024)}\n`],
];
for (const [title, text] of hostile) {
  test(`hostile input ends soon: ${title}`, (t) => {
    const start = performance.now();
    const { documents, faults } = parseText(text);
    t.true(performance.now() - start < 5000);
    t.true(faults.length > 0 || documents.length === 0);
  });
}
