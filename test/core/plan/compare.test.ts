import test from 'ava';
import { readManifests } from '../../../core/manifest/read.ts';
import { compareSets } from '../../../core/plan/compare.ts';
import { SecretGate } from '../../../core/plan/secret-gate.ts';

const read = async (yaml: string) =>
  (
    await readManifests(
      { filenames: ['-'], recursive: false },
      {
        cwd: '/',
        stdin: async () => Buffer.from(yaml),
        env: {},
        signal: new AbortController().signal,
      },
    )
  ).manifests;

const service = (ports: string) =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {ports: [${ports}]}\n`;

for (const [title, before, after, expected] of [
  [
    'a key that has a default may be missing',
    service('{port: 80, targetPort: http}, {port: 90, protocol: UDP}'),
    service('{port: 80, targetPort: changed}, {port: 90, protocol: UDP}'),
    ['spec.ports[port=80,protocol="TCP"].targetPort'],
  ],
  [
    'written out, it is one field more of the same item',
    service('{port: 80, targetPort: http}'),
    service('{port: 80, protocol: TCP, targetPort: http}'),
    ['spec.ports[port=80,protocol="TCP"].protocol'],
  ],
  [
    'a port of another protocol is another item',
    service('{port: 53, name: a}'),
    service('{port: 53, name: a}, {port: 53, protocol: UDP, name: b}'),
    ['spec.ports[port=53,protocol="UDP"]'],
  ],
] as const)
  test(`two wanted states: ${title}`, async (t) => {
    const { changes } = compareSets(await read(before), await read(after), new SecretGate());
    t.deepEqual(changes[0]!.fields?.map(({ path }) => path) ?? [], expected);
    t.is(changes[0]!.action, expected.length > 0 ? 'update' : 'unchanged');
  });
