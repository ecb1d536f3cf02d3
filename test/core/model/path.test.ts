import test from 'ava';
import { formatPath, parsePath } from '../../../core/model/path.ts';

const TABLE: [string, ReturnType<typeof parsePath>][] = [
  ['spec.replicas', ['spec', 'replicas']],
  ['spec.containers[name="app"].image', ['spec', 'containers', { keys: { name: 'app' } }, 'image']],
  [
    'spec.ports[port=80,protocol="TCP"].nodePort',
    ['spec', 'ports', { keys: { port: 80, protocol: 'TCP' } }, 'nodePort'],
  ],
  ['metadata.finalizers[="a/b"]', ['metadata', 'finalizers', { value: 'a/b' }]],
  ['metadata.labels["app.kubernetes.io/name"]', ['metadata', 'labels', 'app.kubernetes.io/name']],
  ['args[0]', ['args', 0]],
  ['["a\\"b"].c', ['a"b', 'c']],
];

for (const [text, path] of TABLE) {
  test(`a path is written and read back: ${text}`, (t) => {
    t.is(formatPath(path), text);
    t.deepEqual(parsePath(text), path);
  });
}

test('a JSON pointer is a path', (t) => {
  t.deepEqual(parsePath('/metadata/annotations/a~1b~0c/0'), ['metadata', 'annotations', 'a/b~c', 0]);
});

for (const text of ['', '.', 'a..b', 'a[', 'a[name=]', 'a[name="x"', 'a b']) {
  test(`refused as a path: ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parsePath(text), { instanceOf: SyntaxError });
  });
}
