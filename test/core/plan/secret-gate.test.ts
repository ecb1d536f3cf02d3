import test from 'ava';
import { digestWith } from '../../../core/plan/digest.ts';
import { scrub } from '../../../core/plan/scrub.ts';
import { SecretGate } from '../../../core/plan/secret-gate.ts';
import { parseSecretPath } from '../../../core/plan/secret-path.ts';

const SECRET = { group: '', version: 'v1', kind: 'Secret', name: 's', namespace: 'x' };
const CONFIG_MAP = { ...SECRET, kind: 'ConfigMap' };

test('a Secret leaves as marks that say what changed, nothing else', (t) => {
  const before = {
    metadata: {
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":"canary"}', a: 'b' },
    },
    data: { same: 'canary-same', changed: 'canary-old', gone: 'canary-gone' },
  };
  const after = {
    metadata: { annotations: { a: 'b' } },
    data: { same: 'canary-same', changed: 'canary-new', come: 'canary-come' },
  };
  const views = new SecretGate().views(SECRET, before, after, {});
  t.notRegex(JSON.stringify(views), /canary/);
  t.deepEqual(views.before, {
    metadata: { annotations: { a: 'b' } },
    data: { same: '(unchanged)', changed: '(changed, before)', gone: '(changed)' },
  });
  t.deepEqual(views.after, {
    metadata: { annotations: { a: 'b' } },
    data: { same: '(unchanged)', changed: '(changed, after)', come: '(changed)' },
  });
  t.deepEqual(views.fields, [
    { path: 'data.changed', before: '(changed)', after: '(changed)' },
    { path: 'data.come', after: '(changed)' },
    { path: 'data.gone', before: '(changed)' },
  ]);
});

test('two values of one length and one of another leave the same mark', (t) => {
  const mark = (value: string) => new SecretGate().views(SECRET, undefined, { data: { a: value } }, {}).after;
  t.deepEqual(mark('x'), mark('x'.repeat(1000)));
});

test('a kind named Secret in another group is an ordinary kind', (t) => {
  t.false(new SecretGate().hides({ group: 'example.org', kind: 'Secret' }));
});

test('data that is no map is hidden too', (t) => {
  const { after } = new SecretGate().views(
    SECRET,
    { data: null },
    { data: 'canary', stringData: ['canary'] },
    {},
  );
  t.notRegex(JSON.stringify(after), /canary/);
});

test('paths that the user names are hidden, in lists by any item or by key', (t) => {
  const gate = new SecretGate([
    parseSecretPath('ConfigMap:data.token'),
    parseSecretPath('ConfigMap:users.password'),
    parseSecretPath('ConfigMap:env[name="KEY"].value'),
  ]);
  const object = {
    data: { token: 'canary', plain: 'shown' },
    users: [{ name: 'u', password: 'canary' }],
    env: [
      { name: 'KEY', value: 'canary' },
      { name: 'OTHER', value: 'shown' },
    ],
  };
  const views = gate.views(CONFIG_MAP, object, { ...object, data: { token: 'canary2', plain: 'shown' } }, {});
  t.notRegex(JSON.stringify(views), /canary/);
  t.is(JSON.stringify(views.after).match(/shown/g)?.length, 2);
  t.deepEqual(views.fields, [{ path: 'data.token', before: '(changed)', after: '(changed)' }]);
});

for (const text of ['', 'ConfigMap', 'ConfigMap:', ':data', 'configmaps/x:data', 'ConfigMap:data[']) {
  test(`refused as a secret path: ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseSecretPath(text), { name: 'ProblemError' });
  });
}

test('items of a keyed list are compared by their keys: one that goes changes no other', (t) => {
  const gate = new SecretGate([parseSecretPath('ConfigMap:users.password')]);
  const fields = {
    'f:users': {
      'k:{"name":"a"}': { 'f:password': {} },
      'k:{"name":"b"}': { 'f:password': {} },
      'k:{"name":"c"}': { 'f:password': {} },
    },
  };
  const user = (name: string, password: string) => ({ name, password });
  const before = { users: [user('a', 'canary-1'), user('b', 'canary-2'), user('c', 'canary-3')] };
  const after = { users: [user('b', 'canary-2'), user('c', 'canary-4')] };
  const views = gate.views(CONFIG_MAP, before, after, fields);
  t.notRegex(JSON.stringify(views), /canary/);
  t.deepEqual(views.fields, [
    { path: 'users[name="a"]', before: { name: 'a', password: '(changed)' } },
    { path: 'users[name="c"].password', before: '(changed)', after: '(changed)' },
  ]);
});

test('a path is hidden in a kind that is spelt otherwise, and under a key of digits', (t) => {
  const gate = new SecretGate([parseSecretPath('configmap:/data/0')]);
  const hidden = gate.views(CONFIG_MAP, undefined, { data: { 0: 'canary', 1: 'shown' } }, {});
  t.deepEqual(hidden.after, { data: { 0: '(changed)', 1: 'shown' } });
  t.deepEqual(
    scrub('no canary here', gate.values(CONFIG_MAP, { data: { 0: 'canary' } })),
    'no (hidden) here',
  );
  const misspelt = new SecretGate().views(
    { ...SECRET, kind: 'secret' },
    undefined,
    { data: { a: 'canary' } },
    {},
  );
  t.deepEqual(misspelt.after, { data: { a: '(changed)' } });
});

test('what a Secret should not have is hidden with the rest', (t) => {
  const object = { stringdata: { a: 'canary' }, immutable: true, type: 'Opaque', extra: 'canary' };
  const gate = new SecretGate();
  t.deepEqual(gate.views(SECRET, undefined, object, {}).after, {
    stringdata: { a: '(changed)' },
    immutable: true,
    type: 'Opaque',
    extra: '(changed)',
  });
  t.is(scrub('extra is canary', gate.values(SECRET, object)), 'extra is (hidden)');
});

test('digests say whether a value at its place is the same, to those with the key', (t) => {
  const gate = (byte: number) =>
    new SecretGate([parseSecretPath('ConfigMap:users.password')]).withDigests(
      digestWith(Buffer.alloc(32, byte)),
    );
  const data = { same: 'canary', also: 'canary', changed: 'canary-old' };
  const views = gate(1).views(SECRET, { data }, { data: { ...data, changed: 'canary' } }, {});
  t.notRegex(JSON.stringify(views), /canary|changed\)/);
  t.deepEqual(
    views.fields.map(({ path }) => path),
    ['data.changed'],
  );
  const after = views.after as { data: Record<string, string> };
  t.is(new Set(Object.values(after.data)).size, 3, 'the same value at other places looks like another one');
  t.deepEqual(gate(1).views(SECRET, undefined, { data: { same: 'canary' } }, {}).after, {
    data: { same: after.data.same! },
  });
  for (const other of [
    gate(2).views(SECRET, undefined, { data }, {}),
    gate(1).views({ ...SECRET, name: 'other' }, undefined, { data }, {}),
  ])
    t.not((other.after as typeof after).data.same, after.data.same);

  const users = [
    { name: 'a', password: 'canary' },
    { name: 'b', password: 'canary' },
  ];
  const fields = { 'f:users': { 'k:{"name":"a"}': {}, 'k:{"name":"b"}': {} } };
  const listed = gate(1).views(CONFIG_MAP, { users }, { users: users.toReversed() }, fields);
  t.notRegex(JSON.stringify(listed), /canary/);
  t.deepEqual(
    listed.fields.map(({ path }) => path),
    ['users'],
    'an item that moved is the same',
  );
});
