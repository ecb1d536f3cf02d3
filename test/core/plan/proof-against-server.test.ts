import test from 'ava';
import { connect } from '../../../core/kube/cluster.ts';
import { loadConnection } from '../../../core/kube/load-connection.ts';
import type { Resource } from '../../../core/model/cluster.ts';
import type { Json, JsonObject } from '../../../core/model/json.ts';
import type { KubeObject } from '../../../core/model/object.ts';
import { diffFields } from '../../../core/plan/field-diff.ts';
import { ownFields, project, sameSet, union } from '../../../core/plan/field-set.ts';
import { provesNoop } from '../../../core/plan/proof.ts';
import { accessOf, apiCall, kubectl, namespace, sharedCluster } from '../../support/cluster.ts';
import { Random } from '../../support/random.ts';
import { randomEdit, randomObject } from '../../support/random-objects.ts';

// Holds the proof against the judge: whatever it calls unchanged, a real dry run must leave unchanged.
const PAIRS = process.env.TEST_CHAOS ? 2000 : 300;
const SEED = Number(process.env.TEST_SEED ?? 20261123);
const SIDE_BY_SIDE = 8;

test('what the proof calls unchanged, a real dry run leaves unchanged', async (t) => {
  t.timeout(30 * 60_000);
  const endpoint = sharedCluster();
  const within = await namespace(t);
  await installWidgets(endpoint.kubeconfig);
  const connection = loadConnection({ kubeconfig: endpoint.kubeconfig }, { env: {}, homedir: '/' });
  const cluster = connect(connection, { version: 'test', signal: new AbortController().signal });
  t.teardown(async () => cluster.close());
  const { resources } = await cluster.discover();
  const resourceOf = (object: KubeObject): Resource =>
    resources.find(
      ({ group, version, kind }) =>
        [group, version].filter(Boolean).join('/') === object.apiVersion && kind === object.kind,
    )!;

  const counts = { proven: 0, noop: 0 };
  const onePair = async (index: number): Promise<void> => {
    const random = new Random(SEED + index);
    const applied = randomObject(random, `pair-${index}`, within);
    const ref = { resource: resourceOf(applied), namespace: within, name: applied.metadata.name };
    const first = await cluster.apply(ref, applied, { dryRun: false });
    if (!first.ok)
      throw new Error(`seed ${SEED + index}: ${JSON.stringify(applied)}: ${first.failure.message}`);
    const edit = randomEdit(random, applied);
    if (edit.patch) {
      const query = `?fieldManager=${edit.manager}`;
      const { group, version, plural } = ref.resource;
      const path = `${group ? `/apis/${group}` : '/api'}/${version}/namespaces/${within}/${plural}/${ref.name}${query}`;
      await apiCall(accessOf(endpoint), 'PATCH', path, edit.patch);
    }
    const desired = edit.desired;
    const live = await cluster.get(ref);
    if (!live.ok) throw new Error(live.failure.message);
    const proven = provesNoop(desired, live.value);
    const dryRun = await cluster.apply(ref, desired, { dryRun: true });
    const noop = dryRun.ok && isNoop(live.value, dryRun.value);
    if (proven) counts.proven += 1;
    if (noop) counts.noop += 1;
    if (proven && !noop) {
      const story = { seed: SEED + index, edit: edit.title, desired, live: live.value, dryRun };
      t.fail(
        `the proof was wrong: ${JSON.stringify(story, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`,
      );
    }
  };
  const indices = Array.from({ length: PAIRS }, (_value, index) => index).values();
  await Promise.all(
    Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (const index of indices) await onePair(index);
    }),
  );
  t.log(
    `${PAIRS} pairs from seed ${SEED}: ${counts.noop} left unchanged by the server, ${counts.proven} of them proven`,
  );
  t.true(counts.noop > PAIRS / 10, 'the edits leave enough objects alone to mean something');
  t.true(counts.noop < PAIRS * 0.9, 'the edits change enough objects to mean something');
  t.true(counts.proven > counts.noop / 2, 'the proof holds for most objects that did not change');
});

function isNoop(live: KubeObject, result: KubeObject): boolean {
  const fields = union(ownFields(live), ownFields(result));
  return (
    sameSet(ownFields(live), ownFields(result)) &&
    diffFields(project(live, fields) as Json, project(result, fields), fields).length === 0
  );
}

/** A custom kind with keyed, set and atomic lists, a defaulted list key and a field without a schema. */
async function installWidgets(kubeconfig: string): Promise<void> {
  const string = { type: 'string' };
  const port: JsonObject = {
    type: 'object',
    required: ['port'],
    properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, note: string },
  };
  const properties: JsonObject = {
    size: { type: 'integer', format: 'int64' },
    mode: { type: 'string', default: 'fast' },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      items: port,
    },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: string },
    steps: {
      type: 'array',
      items: { type: 'object', properties: { run: string, retries: { type: 'integer', default: 3 } } },
    },
    whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: string },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  };
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.proof.example.org' },
    spec: {
      group: 'proof.example.org',
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } },
          },
        },
      ],
    },
  };
  await kubectl(['apply', '--server-side', '-f', '-'], { kubeconfig, input: JSON.stringify(crd) });
  await kubectl(['wait', '--for=condition=Established', 'crd/widgets.proof.example.org', '--timeout=60s'], {
    kubeconfig,
  });
}
