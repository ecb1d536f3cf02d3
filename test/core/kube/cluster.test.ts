import { tmpdir } from 'node:os';
import test from 'ava';
import { connect } from '../../../core/kube/cluster.ts';
import type { ConnectionFlags } from '../../../core/kube/connection.ts';
import { loadConnection } from '../../../core/kube/load-connection.ts';
import type { Cluster, Resource } from '../../../core/model/cluster.ts';
import type { KubeObject } from '../../../core/model/object.ts';
import { kubectl, namespace, serviceAccount, sharedCluster } from '../../support/cluster.ts';
import { clusterAt, connectionTo } from './connections.ts';
import { json, serve, status } from './servers.ts';

function real(flags: ConnectionFlags = {}, signal = new AbortController().signal) {
  const { kubeconfig } = sharedCluster();
  return connect(loadConnection({ kubeconfig, ...flags }, { env: {}, homedir: tmpdir() }), {
    version: '1.2.3',
    signal,
  });
}

async function kind(cluster: Cluster, name: string): Promise<Resource> {
  return (await cluster.discover()).resources.find((one) => one.kind === name)!;
}

const configMap = (name: string, data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

test('gets, lists in pages, applies and updates', async (t) => {
  const ns = await namespace(t);
  const cluster = real();
  const resource = await kind(cluster, 'ConfigMap');
  const ref = (name: string) => ({ resource, namespace: ns, name });

  const dry = await cluster.apply(ref('a'), configMap('a', { x: '1' }), { dryRun: true });
  t.true(dry.ok);
  t.like(await cluster.get(ref('a')), {
    ok: false,
    failure: { status: 404, reason: 'NotFound', details: { kind: 'configmaps', name: 'a' } },
  });

  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await cluster.apply(ref(name), configMap(name, { x: '1' }), { dryRun: false });
  const got = await cluster.get(ref('a'));
  t.true(got.ok);
  if (!got.ok) return;
  t.like(got.value.metadata, { managedFields: [{ manager: 'gitlab-agent', operation: 'Apply' }] });
  t.like(await cluster.update(ref('a'), { ...got.value, data: { y: '2' } }, { dryRun: true }), {
    ok: true,
    value: { data: { y: '2' } },
  });

  const names: string[] = [];
  let next: string | undefined;
  do {
    const page = await cluster.list(resource, {
      namespace: ns,
      limit: 2,
      ...(next ? { continue: next } : {}),
    });
    if (!page.ok) return t.fail(page.failure.message);
    t.true(page.value.items.length <= 2);
    t.true(page.value.items.every((item) => item.kind === 'ConfigMap' && item.apiVersion === 'v1'));
    names.push(...page.value.items.map((item) => item.metadata.name));
    next = page.value.continue;
  } while (next);
  t.deepEqual(
    names.filter((name) => name !== 'kube-root-ca.crt'),
    ['a', 'b', 'c', 'd', 'e'],
  );
  cluster.close();
});

test('tells a mistake in a manifest without asking twice', async (t) => {
  const ns = await namespace(t);
  const cluster = real();
  const resource = await kind(cluster, 'ConfigMap');
  const wrong = { ...configMap('a', {}), unknown: 1 };
  const started = performance.now();
  t.like(await cluster.apply({ resource, namespace: ns, name: 'a' }, wrong, { dryRun: true }), {
    ok: false,
    failure: { status: 500, reason: '' },
  });
  t.true(performance.now() - started < 5_000);
  cluster.close();
});

test('names with a colon, several groups to impersonate, other paths', async (t) => {
  const cluster = real();
  const role = await kind(cluster, 'ClusterRole');
  t.like(await cluster.get({ resource: role, name: 'system:node' }), {
    ok: true,
    value: { kind: 'ClusterRole' },
  });
  t.like(await cluster.getPath('/version'), { ok: true, value: { major: '1' } });
  await t.throwsAsync(cluster.getPath('version'), { instanceOf: RangeError });
  cluster.close();

  const nobody = real({ as: 'nobody', asGroup: ['a', 'b'] });
  const secret = await kind(nobody, 'Secret');
  t.like(await nobody.list(secret, { limit: 1 }), {
    ok: false,
    failure: { status: 403, reason: 'Forbidden' },
  });
  nobody.close();
  const somebody = real({ as: 'nobody', asGroup: ['a', 'system:masters'] });
  t.true((await somebody.list(secret, { limit: 1 })).ok);
  somebody.close();
});

test('is who the kubeconfig says, as kubectl is', async (t) => {
  const ns = await namespace(t);
  const user = await serviceAccount(ns, 'reader');
  const cluster = real({ kubeconfig: user.kubeconfig });
  const pods = await kind(cluster, 'Pod');
  const refused = await cluster.list(pods, { namespace: ns, limit: 1 });
  cluster.close();
  const { stderr } = await kubectl(['get', 'pods', '-n', ns], {
    kubeconfig: user.kubeconfig,
    allowFailure: true,
  });
  t.false(refused.ok);
  if (!refused.ok) t.true(stderr.includes(refused.failure.message));
});

test('warnings of the server are kept, each once', async (t) => {
  const ns = await namespace(t);
  const cluster = real();
  const endpoints = await kind(cluster, 'Endpoints');
  for (let index = 0; index < 3; index += 1) await cluster.list(endpoints, { namespace: ns, limit: 1 });
  t.is(cluster.warnings.length, 1);
  t.regex(cluster.warnings[0]!, /Endpoints is deprecated/);
  cluster.close();
});

test('an abort ends a real list at once', async (t) => {
  const controller = new AbortController();
  const cluster = real({}, controller.signal);
  const resource = await kind(cluster, 'ConfigMap');
  const all = Promise.allSettled(Array.from({ length: 200 }, () => cluster.list(resource, { limit: 500 })));
  setImmediate(() => controller.abort(new Error('Ctrl-C')));
  t.true((await all).every((one) => one.status === 'rejected' && one.reason.message === 'Ctrl-C'));
});

test('an expired continue token goes on behind the last item, as the server offers', async (t) => {
  const asked: string[] = [];
  await using server = await serve((request, _body, response) => {
    asked.push(request.url!);
    if (!request.url!.includes('continue=old'))
      return json(response, 200, {
        kind: 'ConfigMapList',
        metadata: { resourceVersion: '9' },
        items: [{ metadata: { name: 'b' } }],
      });
    // As kube-apiserver 1.34 answers for a revision that was compacted away.
    const message = 'The provided continue parameter is too old to display a consistent list result.';
    json(response, 410, { ...status(410, 'Expired', message), metadata: { continue: 'new token' } });
  });
  const cluster = clusterAt(connectionTo(server.url));
  const resource: Resource = {
    group: 'a',
    version: 'v1',
    kind: 'B',
    plural: 'bs',
    namespaced: true,
    verbs: [],
  };
  const page = await cluster.list(resource, { namespace: 'x', limit: 1, continue: 'old' });
  cluster.close();
  t.deepEqual(page, {
    ok: true,
    value: { items: [{ apiVersion: 'a/v1', kind: 'B', metadata: { name: 'b' } }], resourceVersion: '9' },
  });
  t.deepEqual(asked, [
    '/apis/a/v1/namespaces/x/bs?limit=1&continue=old',
    '/apis/a/v1/namespaces/x/bs?limit=1&continue=new+token',
  ]);
});
