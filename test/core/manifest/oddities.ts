import type { Json } from '../../../core/model/json.ts';

/** One text in kubectl's dialect: what its `spec` is, or with which code it is refused. */
export interface Oddity {
  title: string;
  /** The document after apiVersion, kind and metadata; or all of it, with NAME for the object's name. */
  body: string;
  value?: Json;
  refused?: string;
  /** Refused by us alone, on purpose. */
  stricter?: true;
}

export const HEADER = 'apiVersion: oddities.example.com/v1\nkind: Oddity\nmetadata: {name: NAME}\n';
const JSON_HEADER = '{"apiVersion":"oddities.example.com/v1","kind":"Oddity","metadata":{"name":"NAME"},';

/** The whole text of a row. */
export function textOf({ body }: Oddity, name: string): string {
  return (body.includes('NAME') ? body : HEADER + body).replaceAll('NAME', name);
}

const scalars: [text: string, value: Json][] = [
  ['0644', 420],
  ['0o644', 420],
  ['0O17', 15],
  ['0b11', 3],
  ['-0b11', -3],
  ['0x1F', 31],
  ['0X1f', 31],
  ['+12', 12],
  ['-0', 0],
  ['1_000', 1000],
  ['685_230.15', 685230.15],
  ['08', 8],
  ['0888', 888],
  ['0_7', 7],
  ['.5_0', 0.5],
  ['1e3', 1000],
  ['1.', 1],
  ['.5', 0.5],
  ['-.5', -0.5],
  ['1.0', 1],
  ['y', true],
  ['Y', true],
  ['yes', true],
  ['On', true],
  ['TRUE', true],
  ['n', false],
  ['No', false],
  ['off', false],
  ['tRue', 'tRue'],
  ['yEs', 'yEs'],
  ['~', null],
  ['Null', null],
  ['', null],
  ['nUll', 'nUll'],
  ['12:30', '12:30'],
  ['12:30:45', '12:30:45'],
  ['2001-12-14', '2001-12-14'],
  ['2001-12-14T21:59:43.10-05:00', '2001-12-14T21:59:43.10-05:00'],
  ['1e400', '1e400'],
  ['0o8', '0o8'],
  ['0x', '0x'],
  ['1e', '1e'],
  ['_1', '_1'],
  ['1Gi', '1Gi'],
  ['1.2.3', '1.2.3'],
  ['infinity', 'infinity'],
  ['9007199254740991', 9007199254740991],
  ['9007199254740993', 9007199254740993n],
  ['9223372036854775807', 9223372036854775807n],
  ['-9223372036854775808', -9223372036854775808n],
  ['0x7fffffffffffffff', 9223372036854775807n],
  ['9223372036854775808', 9223372036854776000n],
  ['18446744073709551615', 18446744073709552000n],
  ['123456789012345678901234567890', 1.2345678901234568e29],
  ['"0644"', '0644'],
  ["'yes'", 'yes'],
  ['!!str 0644', '0644'],
  ['!!int "5"', 5],
  ['!!float 5', 5],
  ['!!bool "yes"', true],
  ['!!null ""', null],
  ['!!timestamp 2001-12-14', '2001-12-14'],
  ['!!binary aGVsbG8=', 'hello'],
  ['!custom 5', '5'],
  ['! 5', '5'],
  ['"\\u00e9\\x41\\U0001F600"', 'éA😀'],
];

const refusedScalars: [text: string, code: string][] = [
  ['.inf', 'NotANumber'],
  ['-.INF', 'NotANumber'],
  ['.nan', 'NotANumber'],
  ['!!int abc', 'BadTag'],
  ['!!bool 1', 'BadTag'],
  ['!!timestamp abc', 'BadTag'],
  ['!!binary "%%"', 'BadTag'],
  ['"\\ud83d\\ude00"', 'BadEscape'],
  ['"\\/"', 'BadEscape'],
  ['@x', 'Syntax'],
  ['*nobody', 'UnknownAnchor'],
  ['&a [*a]', 'RecursiveAnchor'],
];

const structures: Oddity[] = [
  {
    title: 'keys that are no strings',
    body: 'spec: {1: a, 1.5: b, 0644: c, yes: d, "null": e}',
    value: { '1': 'a', '1.5': 'b', '420': 'c', true: 'd', null: 'e' },
  },
  {
    title: '__proto__ as a key',
    body: 'spec: {__proto__: {a: 1}, constructor: 2}',
    value: JSON.parse('{"__proto__":{"a":1},"constructor":2}') as Json,
  },
  { title: 'a null key', body: 'spec: {~: a}', refused: 'BadKey' },
  { title: 'a list as a key', body: 'spec: {[a]: b}', refused: 'BadKey' },
  { title: 'a merge', body: 'x: &x {a: 1, b: 2}\nspec:\n  <<: *x\n  b: 3', value: { a: 1, b: 3 } },
  {
    title: 'a merge after an explicit key overrides it',
    body: 'x: &x {a: 1, b: 2}\nspec:\n  b: 3\n  <<: *x',
    value: { a: 1, b: 2 },
  },
  {
    title: 'a merge of a list: the earlier wins',
    body: 'x: &x {a: 1}\ny: &y {a: 2, b: 2}\nspec: {<<: [*x, *y]}',
    value: { a: 1, b: 2 },
  },
  { title: 'a merge of a scalar', body: 'spec: {<<: 1}', refused: 'BadMerge' },
  { title: 'a quoted << is a key', body: 'spec: {"<<": {a: 1}}', value: { '<<': { a: 1 } } },
  {
    title: 'anchors',
    body: 'spec: {a: &a [1, 2], b: *a, c: &a 3, d: *a}',
    value: { a: [1, 2], b: [1, 2], c: 3, d: 3 },
  },
  {
    title: 'an alias bomb',
    body: `spec:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n${[1, 2, 3, 4, 5, 6, 7]
      .map(
        (n) =>
          `  a${n}: &a${n} [${Array(9)
            .fill(`*a${n - 1}`)
            .join(', ')}]\n`,
      )
      .join('')}`,
    refused: 'AliasBomb',
  },
  { title: 'duplicate keys', body: 'spec: {a: 1, b: 2, a: 3}', refused: 'DuplicateKey', stricter: true },
  {
    title: 'duplicate keys after they became strings',
    body: 'spec: {1: a, "1": b}',
    refused: 'DuplicateKey',
    stricter: true,
  },
  {
    title: 'JSON',
    body: `${JSON_HEADER}"spec":{"a":[1,-0,1.50,1e2,9007199254740993,"\\ud83d\\ude00\\/"]}}`,
    value: { a: [1, 0, 1.5, 100, 9007199254740993n, '😀/'] },
  },
  {
    title: 'JSON with a duplicate key',
    body: `${JSON_HEADER}"spec":{"a":1,"\\u0061":2}}`,
    refused: 'DuplicateKey',
    stricter: true,
  },
  { title: 'JSON with a number too large', body: `${JSON_HEADER}"spec":{"a":1e400}}`, refused: 'NotANumber' },
  { title: '%YAML', body: `%YAML 1.2\n---\n${HEADER}spec: {a: 1}`, refused: 'Directive' },
  { title: 'a document after ...', body: 'spec: {a: 1}\n...\nb: 1', refused: 'AfterEnd', stricter: true },
  { title: 'the end marker alone', body: 'spec: {a: 1}\n...\n', value: { a: 1 } },
  { title: 'a comment behind the separator', body: `--- # here\n${HEADER}spec: {a: 1}\n`, value: { a: 1 } },
  {
    title: 'content behind the separator',
    body: `--- {a: b}\n${HEADER}spec: {a: 1}\n`,
    refused: 'BadSeparator',
  },
  { title: 'four dashes', body: 'spec:\n  a: 1\n----\n', refused: 'BadSeparator' },
  {
    title: 'empty documents',
    body: `---\n# nothing\n---\n\n---\n${HEADER}spec: {a: 1}\n---\n`,
    value: { a: 1 },
  },
  { title: 'a byte order mark', body: `\ufeff${HEADER}spec: {a: 1}\n`, value: { a: 1 } },
  {
    title: 'CRLF',
    body: `${HEADER}spec:\n  a: |\n    x\n    y\n  b: "p\n    q"\n`.replaceAll('\n', '\r\n'),
    value: { a: 'x\ny\n', b: 'p q' },
  },
  { title: 'a tab as indentation', body: 'spec:\n\ta: 1', refused: 'Syntax' },
  { title: 'a tab in an empty line', body: 'spec:\n  a: [x]\n\t\n  b: 1', refused: 'Tab' },
  { title: 'a tab after a dash', body: 'spec:\n-\ta', refused: 'Tab' },
  { title: 'tabs that separate', body: 'spec:\ta\n', value: 'a' },
  { title: 'tabs in a collection', body: 'spec: [1,\t2,\n\t3\n]\n', value: [1, 2, 3] },
  {
    title: 'a collection that ends at the margin',
    body: 'spec: [\n  a,\n  {b: 1,\nc: [\nd]\n}\n]\n',
    value: ['a', { b: 1, c: ['d'] }],
  },
  { title: 'strings that go on at the margin', body: 'spec: ["a\nb", \'c\n\nd\']\n', value: ['a b', 'c\nd'] },
  {
    title: 'block strings',
    body: 'spec:\n  a: |\n    x\n     y\n\n  b: >-\n    p\n    q\n\n    r\n  c: |+\n    z\n\n  d: |2\n      two\n',
    value: { a: 'x\n y\n', b: 'p q\nr', c: 'z\n\n', d: '  two\n' },
  },
  { title: 'a NUL', body: 'spec: "a\0b"', refused: 'ControlCharacter' },
  { title: 'a control character', body: 'spec: "a\u0007b"', refused: 'ControlCharacter' },
  {
    title: 'a line separator of Unicode',
    body: 'spec: "a\u2028b"',
    refused: 'ControlCharacter',
    stricter: true,
  },
  { title: 'a value with ": "', body: 'spec: {a: b: c}', refused: 'Syntax' },
  { title: 'a line that fits nowhere', body: 'spec:\n  a: 1\n b: 2', refused: 'Syntax' },
  { title: 'a string without an end', body: 'spec: "abc', refused: 'Syntax' },
  { title: 'a collection without an end', body: 'spec: [a, b', refused: 'Syntax' },
  { title: 'a missing space in { }', body: 'spec: {a:}', refused: 'Syntax', stricter: true },
  { title: 'a colon at the start in [ ]', body: 'spec: [::1]', refused: 'Syntax' },
  { title: 'a key of 1,100 characters', body: `spec: {${'k'.repeat(1100)}: 1}`, refused: 'Syntax' },
  { title: 'a map on the line of its key', body: 'spec: &a b: c', refused: 'Syntax' },
  {
    title: 'nesting of 400 levels',
    body: `spec: ${'['.repeat(400)}${']'.repeat(400)}`,
    value: JSON.parse(`${'['.repeat(400)}${']'.repeat(400)}`) as Json,
  },
  {
    title: 'nesting of 600 levels',
    body: `spec: ${'['.repeat(600)}${']'.repeat(600)}`,
    refused: 'Syntax',
    stricter: true,
  },
];

export const ODDITIES: Oddity[] = [
  ...scalars.map(([text, value]) => ({
    title: `scalar ${text}`,
    body: `spec: {v: [${text === '' ? '~' : text}, x]}\n`,
    value: { v: [value, 'x'] },
  })),
  ...scalars.map(([text, value]) => ({
    title: `scalar ${text} in a block`,
    body: `spec:\n  v: ${text}\n  w: x\n`,
    value: { v: value, w: 'x' },
  })),
  ...refusedScalars.map(([text, refused]) => ({
    title: `scalar ${text}`,
    body: `spec:\n  v: ${text}\n`,
    refused,
  })),
  ...structures,
];
