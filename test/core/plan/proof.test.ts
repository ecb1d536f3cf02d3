import test from 'ava';
import type { JsonObject } from '../../../core/model/json.ts';
import type { KubeObject } from '../../../core/model/object.ts';
import { provesNoop } from '../../../core/plan/proof.ts';

/** A live object whose `fields` are owned by our Apply entry. */
function live(object: JsonObject, fields: JsonObject, entry: JsonObject = {}): KubeObject {
  const own = {
    manager: 'gitlab-agent',
    operation: 'Apply',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: fields,
    ...entry,
  };
  const { metadata = {}, ...rest } = object;
  return {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name: 'x', uid: 'u', ...(metadata as JsonObject), managedFields: [own] },
    ...rest,
  };
}

function desired(object: JsonObject): KubeObject {
  const { metadata = {}, ...rest } = object;
  return { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x', ...(metadata as JsonObject) }, ...rest };
}

const PORTS: JsonObject[] = [
  { port: 53, protocol: 'UDP' },
  { port: 53, protocol: 'TCP', name: 'dns' },
];
const PORT_FIELDS = {
  'k:{"port":53,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {}, 'f:protocol': {} },
  'k:{"port":53,"protocol":"UDP"}': { '.': {}, 'f:port': {}, 'f:protocol': {} },
};

const ROWS: [
  title: string,
  proven: boolean,
  wanted: JsonObject,
  found: JsonObject,
  fields: JsonObject,
  entry?: JsonObject,
][] = [
  ['the same scalars', true, { data: { a: '1' } }, { data: { a: '1', b: '2' } }, { 'f:data': { 'f:a': {} } }],
  ['another value', false, { data: { a: '1' } }, { data: { a: '2' } }, { 'f:data': { 'f:a': {} } }],
  ['another type', false, { data: { a: '1' } }, { data: { a: 1 } }, { 'f:data': { 'f:a': {} } }],
  [
    'a field that we own but no longer want',
    false,
    { data: { a: '1' } },
    { data: { a: '1', b: '2' } },
    { 'f:data': { 'f:a': {}, 'f:b': {} } },
  ],
  [
    'a field that we do not own yet',
    false,
    { data: { a: '1', b: '2' } },
    { data: { a: '1', b: '2' } },
    { 'f:data': { 'f:a': {} } },
  ],
  [
    'a map that the entry owns itself',
    false,
    { data: { a: '1' } },
    { data: { a: '1' } },
    { 'f:data': { '.': {}, 'f:a': {} } },
  ],
  [
    'another API version',
    false,
    { data: { a: '1' } },
    { data: { a: '1' } },
    { 'f:data': { 'f:a': {} } },
    { apiVersion: 'v1beta1' },
  ],
  [
    'another manager',
    false,
    { data: { a: '1' } },
    { data: { a: '1' } },
    { 'f:data': { 'f:a': {} } },
    { manager: 'kubectl' },
  ],
  [
    'an Update of ours',
    false,
    { data: { a: '1' } },
    { data: { a: '1' } },
    { 'f:data': { 'f:a': {} } },
    { operation: 'Update' },
  ],
  [
    'a subresource',
    false,
    { data: { a: '1' } },
    { data: { a: '1' } },
    { 'f:data': { 'f:a': {} } },
    { subresource: 'scale' },
  ],
  ['nothing but a name', true, {}, {}, {}],
  [
    'an empty map',
    true,
    { spec: { emptyDir: {} } },
    { spec: { emptyDir: {} } },
    { 'f:spec': { 'f:emptyDir': {} } },
  ],
  [
    'an empty map that got content',
    false,
    { spec: { emptyDir: {} } },
    { spec: { emptyDir: { medium: 'x' } } },
    { 'f:spec': { 'f:emptyDir': {} } },
  ],
  ['a null', false, { spec: { a: null } }, { spec: {} }, { 'f:spec': { 'f:a': {} } }],
  ['an atomic list', true, { args: ['a', 'b'] }, { args: ['a', 'b'] }, { 'f:args': {} }],
  ['an atomic list in another order', false, { args: ['b', 'a'] }, { args: ['a', 'b'] }, { 'f:args': {} }],
  [
    'a set',
    true,
    { finalizers: ['a', 'b'] },
    { finalizers: ['a', 'x', 'b'] },
    { 'f:finalizers': { 'v:"a"': {}, 'v:"b"': {} } },
  ],
  [
    'a set in another order',
    false,
    { finalizers: ['b', 'a'] },
    { finalizers: ['a', 'b'] },
    { 'f:finalizers': { 'v:"a"': {}, 'v:"b"': {} } },
  ],
  ['a keyed list', true, { ports: PORTS }, { ports: PORTS }, { 'f:ports': PORT_FIELDS }],
  [
    'a keyed list, reordered',
    false,
    { ports: PORTS },
    { ports: PORTS.toReversed() },
    { 'f:ports': PORT_FIELDS },
  ],
  [
    'a keyed list with an item of others',
    true,
    { ports: PORTS },
    { ports: [{ port: 1 }, ...PORTS] },
    { 'f:ports': PORT_FIELDS },
  ],
  [
    'a keyed list with duplicate keys',
    false,
    { ports: [PORTS[0]!, PORTS[0]!] },
    { ports: PORTS },
    { 'f:ports': PORT_FIELDS },
  ],
  [
    'a defaulted protocol',
    true,
    { ports: [{ port: 80 }] },
    { ports: [{ port: 80, protocol: 'TCP' }] },
    { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } },
  ],
  [
    'a protocol left out that is not the default',
    false,
    { ports: [{ port: 80 }] },
    { ports: [{ port: 80, protocol: 'UDP' }] },
    { 'f:ports': { 'k:{"port":80,"protocol":"UDP"}': { '.': {}, 'f:port': {} } } },
  ],
  [
    'a protocol left out that we used to set',
    false,
    { ports: [{ port: 80 }] },
    { ports: [{ port: 80, protocol: 'TCP' }] },
    { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:protocol': {} } } },
  ],
  [
    'a keyed item without its own edge',
    false,
    { ports: [{ port: 80 }] },
    { ports: [{ port: 80 }] },
    { 'f:ports': { 'k:{"port":80}': { 'f:port': {} } } },
  ],
  ['big integers', true, { a: 9007199254740993n }, { a: 9007199254740993n }, { 'f:a': {} }],
  [
    'labels',
    true,
    { metadata: { labels: { a: 'b' } } },
    { metadata: { labels: { a: 'b', c: 'd' } } },
    { 'f:metadata': { 'f:labels': { 'f:a': {} } } },
  ],
  [
    'a label taken away',
    false,
    { metadata: { labels: { a: 'b' } } },
    { metadata: {} },
    { 'f:metadata': { 'f:labels': { 'f:a': {} } } },
  ],
  [
    'a key named __proto__',
    true,
    { data: JSON.parse('{"__proto__":"1"}') },
    { data: JSON.parse('{"__proto__":"1"}') },
    { 'f:data': { 'f:__proto__': {} } },
  ],
  ['a quantity spelt otherwise', false, { cpu: '1000m' }, { cpu: '1' }, { 'f:cpu': {} }],
];

for (const [title, proven, wanted, found, fields, entry] of ROWS) {
  test(`${title}: ${proven ? 'proven unchanged' : 'left to the server'}`, (t) => {
    t.is(provesNoop(desired(wanted), live(found, fields, entry)), proven);
  });
}

test('without an entry of ours nothing is proven', (t) => {
  const object = desired({ data: { a: '1' } });
  t.false(provesNoop(object, object));
});
