import test from 'ava';
import { parsePath } from '../../../core/model/path.ts';
import { readText } from './reading.ts';

const text = `# a comment
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, labels: {app.kubernetes.io/name: x}}
x: &defaults
  image: i
spec:
  template:
    spec:
      containers:
        - name: first
          ports: [
          {containerPort: 80}, {containerPort: 81, protocol: UDP}
        ]
        - name: second
          <<: *defaults
          args: [a, b]
      more: *defaults
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData:
  a: b
---
{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "v"}}]}
`;

const rows: [manifest: number, path: string, place: string][] = [
  [0, 'metadata.labels["app.kubernetes.io/name"]', '4:30'],
  [0, 'spec.template.spec.containers[name="second"].args', '17:11'],
  [0, 'spec.template.spec.containers[1].args[="b"]', '17:21'],
  [0, 'spec.template.spec.containers[name="first"].ports[containerPort=81,protocol="UDP"].protocol', '13:52'],
  [0, 'spec.template.spec.containers[name="first"].ports[containerPort=80,protocol="TCP"]', '13:11'],
  [0, 'spec.template.spec.containers[name="second"].image', '6:3'],
  [0, 'spec.template.spec.more.image', '6:3'],
  [0, 'spec.template.spec.nothing', '9:5 near'],
  [0, 'nothing', 'undefined'],
  [1, 'data.a', '24:3'],
  [2, 'data.k', '27:81'],
  [2, '/metadata/name', '27:58'],
];
for (const [manifest, path, place] of rows) {
  test(`the place of ${path}`, async (t) => {
    const { manifests, locate, problems } = await readText(text);
    t.deepEqual(problems, []);
    const found = locate(manifests[manifest]!, parsePath(path));
    t.is(found ? `${found.line}:${found.column}${found.exact ? '' : ' near'}` : 'undefined', place);
  });
}
