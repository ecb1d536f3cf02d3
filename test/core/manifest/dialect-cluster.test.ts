import test from 'ava';
import { parseText } from '../../../core/manifest/dialect.ts';
import { deepEqual, isObject, type Json, parseJson } from '../../../core/model/json.ts';
import { accessOf, apiCall, kubectl, namespace, sharedCluster, waitFor } from '../../support/cluster.ts';
import { ODDITIES, textOf } from './oddities.ts';

// The judge of the dialect: what kubectl makes a real API server store in a resource that takes every field.
const CRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'oddities.oddities.example.com' },
  spec: {
    group: 'oddities.example.com',
    scope: 'Namespaced',
    names: { kind: 'Oddity', plural: 'oddities' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

test('every oddity is stored with the value that we read, or refused by kubectl as by us', async (t) => {
  const admin = accessOf(sharedCluster());
  await kubectl(['apply', '--server-side', '-f', '-'], { input: JSON.stringify(CRD) });
  t.teardown(() =>
    apiCall(
      admin,
      'DELETE',
      `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${CRD.metadata.name}`,
    ).then(() => {}),
  );
  await kubectl(['wait', '--for=condition=Established', `crd/${CRD.metadata.name}`, '--timeout=60s']);
  const inNamespace = await namespace(t);
  const apply = ['apply', '--server-side', '--validate=false', '-n', inNamespace, '-f', '-'];
  await waitFor(
    async () => (await kubectl(['get', 'oddities', '-n', inNamespace], { allowFailure: true })).code === 0,
    { what: 'the new kind' },
  );

  const rows = ODDITIES.map((oddity, index) => ({
    ...oddity,
    text: textOf(oddity, `row-${index}`),
    name: `row-${index}`,
  }));
  const wrong: string[] = [];
  // Texts that are more than one plain document can't share a stream with others.
  const isPlain = ({ text }: { text: string }): boolean =>
    text.startsWith('apiVersion') && !/^(---|\.\.\.|%)/m.test(text) && !text.includes('\r');
  const readable = rows.filter(({ refused, stricter }) => !refused || stricter);
  await kubectl(apply, {
    input: readable
      .filter(isPlain)
      .map(({ text }) => `---\n${text}\n`)
      .join(''),
  });
  for (const row of readable.filter((row) => !isPlain(row))) await kubectl(apply, { input: row.text });
  for (const row of rows.filter(({ refused, stricter }) => refused && !stricter)) {
    const { code } = await kubectl(apply, { input: row.text, allowFailure: true });
    if (code === 0) wrong.push(`${row.title}: refused by us, taken by kubectl`);
  }

  const { stdout } = await kubectl([
    'get',
    '--raw',
    `/apis/oddities.example.com/v1/namespaces/${inNamespace}/oddities`,
  ]);
  const list = parseJson(stdout) as { items: { metadata: { name: string }; spec: Json }[] };
  const stored = new Map(list.items.map(({ metadata, spec }) => [metadata.name, spec]));
  for (const { name, title, text, stricter } of readable) {
    if (!stored.has(name)) wrong.push(`${title}: not stored`);
    if (stricter) continue;
    const value = parseText(text.replace(/^\ufeff/, '')).documents.find((document) =>
      isObject(document.value),
    )?.value;
    if (!isObject(value) || !deepEqual(value.spec, stored.get(name)))
      wrong.push(`${title}: stored ${String(stored.get(name))}`);
  }
  t.deepEqual(wrong, []);
});
