import test from 'ava';
import { readLiveObjects } from '../../../core/manifest/live.ts';

const read = (text: string) => readLiveObjects(Buffer.from(text), 'file');
const names = (text: string) => {
  const { objects, problems } = read(text);
  return problems.length > 0
    ? problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
    : objects.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`);
};

test('status and all that the server sets is kept', (t) => {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web',
      uid: 'u',
      generation: 2,
      managedFields: [{ manager: 'm' }],
      creationTimestamp: 'now',
    },
    status: { phase: 'Running' },
  };
  t.deepEqual(read(JSON.stringify(object)).objects as unknown, [object]);
});

test('documents and Lists are flattened, typed Lists too', (t) => {
  const pod = '{apiVersion: v1, kind: Pod, metadata: {name: a}}';
  t.deepEqual(names(`${pod}\n---\n${pod.replace('a}}', 'b}}')}\n---\n`), ['v1 Pod a', 'v1 Pod b']);
  t.deepEqual(
    names(`{apiVersion: v1, kind: List, items: [${pod}, {apiVersion: v1, kind: List, items: [${pod}]}]}`),
    ['v1 Pod a', 'v1 Pod a'],
  );
  t.deepEqual(names('{"apiVersion":"apps/v1","kind":"DeploymentList","items":[{"metadata":{"name":"a"}}]}'), [
    'apps/v1 Deployment a',
  ]);
  t.deepEqual(names('{"apiVersion":"v1","kind":"List","items":[]}'), []);
  t.deepEqual(names('{"apiVersion":"v1","kind":"PodList","items":null}'), []);
  t.deepEqual(names('{apiVersion: example.com/v1, kind: WaitingList, metadata: {name: a}, spec: {}}'), [
    'example.com/v1 WaitingList a',
  ]);
});

test('every problem is told, at its place', (t) => {
  t.deepEqual(names('a: b\n'), ['1:1 this is no Kubernetes object: it needs apiVersion, kind and metadata']);
  t.deepEqual(names('{"apiVersion":"v1","kind":"List","items":[\n7,\n{"kind":"Pod"}]}'), [
    '1:1 this is no Kubernetes object: it needs apiVersion, kind and metadata',
    '3:1 this is no Kubernetes object: it needs apiVersion, kind and metadata',
  ]);
  t.is(names('{"apiVersion": ').length, 1);
  t.is(readLiveObjects(Buffer.from([0x80, 0xff]), 'file').problems[0]?.code, 'NotUtf8');
});
