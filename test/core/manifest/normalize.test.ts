import test from 'ava';
import { configMap, names, places, readText } from './reading.ts';

const problems: [title: string, text: string, ...expected: string[]][] = [
  ['no apiVersion', 'kind: A\nmetadata: {name: a}', 'MissingField - 1 1'],
  ['no kind', '---\n\napiVersion: v1\nmetadata: {name: a}', 'MissingField - 3 1'],
  ['no metadata', 'apiVersion: v1\nkind: A', 'MissingField - 1 1'],
  ['no name', 'apiVersion: v1\nkind: A\nmetadata:\n  labels: {}', 'MissingField - 3 1'],
  ['an empty name', 'apiVersion: v1\nkind: A\nmetadata:\n  name: ""', 'MissingField - 3 1'],
  ['generateName alone', 'apiVersion: v1\nkind: A\nmetadata:\n  generateName: a-', 'GenerateName - 4 3'],
  ['a name that is a number', 'apiVersion: v1\nkind: A\nmetadata:\n  name: 123', 'WrongType - 4 3'],
  [
    'a namespace that is a boolean',
    'apiVersion: v1\nkind: A\nmetadata: {name: a, namespace: n}',
    'WrongType - 3 21',
  ],
  ['a kind that is a boolean', 'apiVersion: v1\nkind: yes\nmetadata: {name: a}', 'WrongType - 2 1'],
  ['metadata that is a list', 'apiVersion: v1\nkind: A\nmetadata: [a]', 'WrongType - 3 1'],
  [
    'a label that is a boolean',
    'apiVersion: v1\nkind: A\nmetadata:\n  name: a\n  labels:\n    x: y\n    z: "y"',
    'WrongType - 6 5',
  ],
  [
    'an annotation that is a number',
    'apiVersion: v1\nkind: A\nmetadata: {name: a, annotations: {x: 1}}',
    'WrongType - 3 35',
  ],
  ['a name that is a path', 'apiVersion: v1\nkind: A\nmetadata: {name: ../a}', 'BadName - 3 12'],
  ['a version with two slashes', 'apiVersion: a/b/v1\nkind: A\nmetadata: {name: a}', 'BadApiVersion - 1 1'],
  [
    'a kind with a control character',
    'apiVersion: v1\nkind: "A\\e[31m"\nmetadata: {name: a}',
    'BadKind - 2 1',
  ],
  ['a list in the place of an object', '- a\n- b', 'NotAnObject - 1 1'],
  [
    'a kustomization',
    'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []',
    'Kustomization - 1 1',
  ],
  [
    'an item of a List without a name',
    'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n  metadata: {}',
    'MissingField - 6 3',
  ],
  [
    'an item of a List in a List',
    '{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"List","items":[\n  {"apiVersion":"v1","kind":"A","metadata":{"name":1}}]}]}',
    'WrongType - 2 45',
  ],
  [
    'stringData that is no string',
    'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  a: x\n  b: 5',
    'BadStringData - 6 3',
  ],
  [
    'stringData that is no map',
    'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: x',
    'BadStringData - 4 1',
  ],
  ['an object of SOPS', `${configMap('a')}data: {a: b}\nsops: {mac: x, lastmodified: y}`, 'Encrypted - 1 1'],
  [
    'a value of SOPS',
    'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: "ENC[AES256_GCM,data:x]"}',
    'Encrypted - 1 1',
  ],
  [
    'the same object twice',
    `${configMap('a')}---\n${configMap('b')}---\n${configMap('a')}`,
    'DuplicateObject - 9 1',
  ],
  [
    'the same object through two versions',
    'apiVersion: a/v1\nkind: A\nmetadata: {name: a}\n---\napiVersion: a/v2\nkind: A\nmetadata: {name: a}',
    'DuplicateObject - 5 1',
  ],
];
for (const [title, text, ...expected] of problems) {
  test(`refused: ${title}`, async (t) => {
    t.deepEqual(places(await readText(text)), expected);
  });
}

test('every problem of every document is told, the good documents are read all the same', async (t) => {
  const result = await readText(
    `kind: A\n---\n${configMap('good')}---\na: [\n---\napiVersion: v1\nkind: B\nmetadata: {name: 1, labels: {x: 2}}\n`,
  );
  t.deepEqual(names(result), ['good']);
  t.deepEqual(places(result), [
    'MissingField - 1 1',
    'Syntax - 7 5',
    'WrongType - 11 12',
    'WrongType - 11 30',
  ]);
});

test('Lists are flattened, also typed ones and Lists in Lists; each item has its own place', async (t) => {
  const result = await readText(`apiVersion: v1
kind: List
items:
- ${configMap('a').replaceAll('\n', '\n  ')}
- apiVersion: v1
  kind: SecretList
  metadata: {resourceVersion: "1"}
  items:
  - metadata: {name: b}
    data: {}
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: c}
---
apiVersion: v1
kind: List
items: []
---
apiVersion: v1
kind: ConfigMapList
items: null
---
apiVersion: example.com/v1
kind: AllowList
metadata: {name: d}
spec: {items: []}
`);
  t.deepEqual(result.problems, []);
  const read = result.manifests.map(
    ({ id, source }) => `${id.kind} ${id.name} ${source.line}:${source.column}`,
  );
  t.deepEqual(read, ['ConfigMap a 4:3', 'Secret b 12:5', 'ConfigMap c 14:5', 'AllowList d 26:1']);
  t.is(result.manifests[1]!.object.apiVersion, 'v1');
});

test('what only the server sets is dropped', async (t) => {
  const { manifests } = await readText(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: a
  namespace: ns
  creationTimestamp: "2020-01-01T00:00:00Z"
  uid: x
  resourceVersion: "1"
  generation: 2
  selfLink: /x
  managedFields: []
  annotations: {a: b, argocd.argoproj.io/hook: Sync}
spec:
  template:
    metadata: {creationTimestamp: null, labels: {a: b}}
    spec: {creationTimestamp: null}
  volumeClaimTemplates:
  - metadata: {creationTimestamp: null, name: x}
    status: {}
status: {replicas: 1}
`);
  t.deepEqual(manifests[0]!.object as unknown, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'a', namespace: 'ns', annotations: { a: 'b', 'argocd.argoproj.io/hook': 'Sync' } },
    spec: {
      template: { metadata: { labels: { a: 'b' } }, spec: { creationTimestamp: null } },
      volumeClaimTemplates: [{ metadata: { name: 'x' }, status: {} }],
    },
  });
  t.deepEqual(manifests[0]!.id, {
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    namespace: 'ns',
    name: 'a',
  });
});

test('stringData is folded into data and wins; an empty value is an empty string', async (t) => {
  const header = 'apiVersion: v1\nkind: Secret\nmetadata: {name: NAME}\n';
  const { manifests, problems } = await readText(
    [
      `${header}data: {a: b2xk, b: b2xk}\nstringData: {a: new, c:}`,
      `${header}stringData: {d: "é"}`,
      `${header}stringData: null`,
      `apiVersion: x.io/v1\nkind: Secret\nmetadata: {name: NAME}\nstringData: {e: f}`,
    ]
      .map((text, index) => text.replace('NAME', `s${index}`).replace('{a: new, c:}', '{a: new, c: }'))
      .join('\n---\n'),
  );
  t.deepEqual(problems, []);
  const [first, second, third, fourth] = manifests.map(({ object }) => object);
  t.deepEqual(first!.data as unknown, { a: 'bmV3', b: 'b2xk', c: '' });
  t.false('stringData' in first!);
  t.deepEqual(second!.data as unknown, { d: 'w6k=' });
  t.false('data' in third! || 'stringData' in third!);
  t.deepEqual(fourth!.stringData as unknown, { e: 'f' });
});

const secret = 'hunter2-planted';
const header = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n';
const leaks: [title: string, text: string][] = [
  ['broken after the value', `${header}stringData:\n  a: ${secret}: x\n`],
  ['a value as a tag', `${header}stringData:\n  a: !${secret}%%\n`],
  ['a value as a tag handle', `${header}stringData:\n  a: !${secret}!x y\n`],
  ['a value as an alias', `${header}stringData:\n  a: *${secret}\n`],
  ['a value as an anchor', `${header}stringData:\n  a: &${secret}! x\n`],
  ['one line of JSON', `{"apiVersion":"v1","kind":"Secret","stringData":{"a":"${secret}","b":tru}}`],
  ['one line of YAML', `{apiVersion: v1, kind: Secret, stringData: {a: ${secret}, b: [}}`],
  ['the kind comes later', `apiVersion: v1\ndata: {a: ${secret}, a: ${secret}}\nkind: Secret\n`],
  ['the kind in escapes', `apiVersion: v1\nkind: "\\x53ecret"\ndata: {a: ${secret}, a: ${secret}}\n`],
  ['a number', `${header}stringData:\n  a: 12345678901\n  b: ${secret}\n  c: [${secret}]\n`],
  ['another document of the file', `a: ${secret}: x\n---\n${header}`],
  [
    'a block string that ends wrongly',
    `${header}stringData:\n  a: |\n      ${secret}\n    ${secret}\n  ${secret}\n`,
  ],
  ['a key without a value', `${header}stringData:\n  a: x\n  ${secret}\n`],
  ['a binary value', `${header}data:\n  a: !!binary ${secret}\n`],
  ['a control character', `${header}stringData:\n  a: ${secret}\u0007\n`],
  [
    'a typed List',
    `apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {name: s}\n  stringData: {a: [${secret}]}\n`,
  ],
];
for (const [title, text] of leaks) {
  test(`a Secret's value is in no problem: ${title}`, async (t) => {
    const { problems } = await readText(text);
    t.true(problems.length > 0);
    const said = JSON.stringify(problems);
    t.false(said.includes(secret) || said.includes('12345678901'), said);
  });
}
