import test from 'ava';
import type { Json } from '../../../core/model/json.ts';
import { diffFields } from '../../../core/plan/field-diff.ts';
import type { FieldSet } from '../../../core/plan/field-set.ts';

const CONTAINERS: FieldSet = {
  'f:containers': {
    'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:image': {} },
    'k:{"name":"b"}': { '.': {}, 'f:name': {}, 'f:image': {} },
  },
};
const PORTS: FieldSet = {
  'f:ports': {
    'k:{"port":80,"protocol":"UDP"}': { '.': {}, 'f:port': {}, 'f:protocol': {} },
    'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:targetPort': {} },
  },
};
const [a1, a2, b1] = [
  { name: 'a', image: '1' },
  { name: 'a', image: '2' },
  { name: 'b', image: '1' },
];

const ROWS: [
  title: string,
  before: Json | undefined,
  after: Json | undefined,
  fields: FieldSet,
  expected: [string, Json?, Json?][],
][] = [
  ['nothing', { a: 1 }, { a: 1 }, {}, []],
  ['a scalar', { a: 1 }, { a: 2 }, {}, [['a', 1, 2]]],
  ['another type', { a: 1 }, { a: '1' }, {}, [['a', 1, '1']]],
  [
    'an added label, where there were none',
    { metadata: {} },
    { metadata: { labels: { 'x/y': '1' } } },
    {},
    [['metadata.labels["x/y"]', undefined, '1']],
  ],
  [
    'a removed label, the last one',
    { metadata: { labels: { x: '1' } } },
    { metadata: {} },
    {},
    [['metadata.labels.x', '1', undefined]],
  ],
  ['an added empty map', {}, { emptyDir: {} }, {}, [['emptyDir', undefined, {}]]],
  [
    'a field of a keyed item',
    { containers: [a1, b1] },
    { containers: [a2, b1] },
    CONTAINERS,
    [['containers[name="a"].image', '1', '2']],
  ],
  [
    'a keyed item that comes',
    { containers: [a1] },
    { containers: [a1, b1] },
    CONTAINERS,
    [['containers[name="b"]', undefined, b1]],
  ],
  [
    'a keyed item that goes, the list with it',
    { containers: [a1] },
    {},
    CONTAINERS,
    [['containers[name="a"]', a1, undefined]],
  ],
  [
    'keyed items in another order',
    { containers: [a1, b1] },
    { containers: [b1, a1] },
    CONTAINERS,
    [['containers', [{ name: 'a' }, { name: 'b' }], [{ name: 'b' }, { name: 'a' }]]],
  ],
  [
    'a set',
    { f: ['a', 'b'] },
    { f: ['b', 'c'] },
    { 'f:f': { 'v:"a"': {}, 'v:"b"': {}, 'v:"c"': {} } },
    [
      ['f[="a"]', 'a', undefined],
      ['f[="c"]', undefined, 'c'],
    ],
  ],
  [
    'an atomic list',
    { args: ['a', 'b'] },
    { args: ['a', 'c', 'd'] },
    { 'f:args': {} },
    [
      ['args[1]', 'b', 'c'],
      ['args[2]', undefined, 'd'],
    ],
  ],
  [
    'an item whose protocol is left out, as the default is',
    { ports: [{ port: 80, targetPort: 'http' }] },
    { ports: [{ port: 80, targetPort: 'web' }] },
    PORTS,
    [['ports[port=80,protocol="TCP"].targetPort', 'http', 'web']],
  ],
  [
    'two items that one key names',
    { containers: [a1, a2, b1] },
    { containers: [a1, b1] },
    CONTAINERS,
    [['containers', [a1, a2, b1], [a1, b1]]],
  ],
  [
    'an item that no key names',
    { containers: [a1, { image: 'x' }] },
    { containers: [a1, { image: 'y' }] },
    CONTAINERS,
    [['containers', [a1, { image: 'x' }], [a1, { image: 'y' }]]],
  ],
  ['a new atomic list', {}, { args: ['a'] }, { 'f:args': {} }, [['args', undefined, ['a']]]],
];

for (const [title, before, after, fields, expected] of ROWS) {
  test(`differences: ${title}`, (t) => {
    t.deepEqual(
      diffFields(before, after, fields).map((difference) => [
        difference.path,
        difference.before,
        difference.after,
      ]),
      expected,
    );
  });
}
