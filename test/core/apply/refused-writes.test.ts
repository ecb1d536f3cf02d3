import test from 'ava';
import { applyText, became } from '../../support/apply.ts';
import {
  accessOf,
  apiCall,
  apiRequest,
  grant,
  kubectl,
  serviceAccount,
  waitFor,
} from '../../support/cluster.ts';
import { front } from '../../support/front.ts';
import { stage } from '../../support/plan.ts';
import { applyAsSet, configMap, membersOf, parentOf } from '../../support/sets.ts';

// Written after those without it.
const WAVE = ', annotations: {argocd.argoproj.io/sync-wave: "1"}';

test.serial('what is too large fails by itself, at once, with its size named', async (t) => {
  const on = await stage(t);
  const start = Date.now();
  const record = await applyText(
    on,
    configMap('small') +
      configMap('large', `a: "${'x'.repeat(1_100_000)}"`) +
      configMap('huge', `a: "${'x'.repeat(3_200_000)}"`),
  );
  t.log(record.outcomes.map(({ error }) => error).filter((error) => error));
  t.deepEqual(became(record), {
    'ConfigMap/small': 'applied create',
    'ConfigMap/large': 'failed Invalid',
    'ConfigMap/huge': 'failed RequestEntityTooLarge',
  });
  for (const { error } of record.outcomes) t.true((error?.message.length ?? 0) < 300);
  t.true(Date.now() - start < 20_000);
});

test.serial('a namespace that is being deleted takes nothing, and holds the prune back', async (t) => {
  const on = await stage(t);
  const name = `${on.namespace}-x`;
  const access = accessOf(on.endpoint);
  await apiCall(access, 'POST', '/api/v1/namespaces', { metadata: { name } });
  await apiCall(access, 'POST', `/api/v1/namespaces/${name}/configmaps`, {
    metadata: { name: 'stuck', finalizers: ['example.org/stuck'] },
  });
  t.teardown(async () => {
    const path = `/api/v1/namespaces/${name}/configmaps/stuck`;
    await apiRequest(access, 'PATCH', path, { metadata: { finalizers: null } });
    await kubectl(
      ['-n', name, 'patch', 'cm/stuck', '--type=merge', '-p', '{"metadata":{"finalizers":null}}'],
      {
        allowFailure: true,
      },
    );
  });
  const there = configMap('there', 'a: "1"', `, namespace: ${name}`);
  await applyAsSet(on, configMap('a') + configMap('b') + there);
  await kubectl(['delete', 'ns', name, '--wait=false'], { kubeconfig: on.endpoint.kubeconfig });
  const gone = `/api/v1/namespaces/${name}/configmaps/there`;
  await waitFor(async () => (await apiRequest(access, 'GET', gone)).status === 404, { what: 'its end' });
  const record = await applyAsSet(on, configMap('a') + there);
  t.deepEqual(became(record), {
    'ConfigMap/a': 'unchanged',
    'ConfigMap/there': 'failed NamespaceTerminating',
    'ConfigMap/b': 'skipped PruneBlocked',
  });
  t.is((await parentOf(on))!['additional-namespaces'], name);
});

test.serial(
  'rights that are revoked in the middle leave a record and a set that is found again',
  async (t) => {
    const on = await stage(t);
    const robot = await serviceAccount(on.namespace, 'robot');
    const verbs = ['get', 'list', 'create', 'patch', 'delete'];
    await grant(robot, [{ apiGroups: [''], resources: ['configmaps', 'secrets', 'events'], verbs }], {
      namespace: on.namespace,
    });
    const secret = (name: string): string => configMap(name, '').replace('ConfigMap', 'Secret');
    await applyAsSet(on, configMap('a') + secret('old'), { kubeconfig: robot.kubeconfig });
    const revoke = async (): Promise<void> => {
      await on.kubectl('delete rolebinding --all');
      const review = ['-n', on.namespace, 'auth', 'can-i', 'patch', 'cm', `--as=${robot.name}`];
      await waitFor(async () => (await kubectl(review, { allowFailure: true })).code !== 0, {
        what: 'the rights to be gone',
      });
    };
    const wanted = configMap('a', 'a: "2"') + configMap('b', 'a: "1"', WAVE) + configMap('c', 'a: "1"', WAVE);
    let revoked: Promise<void> | undefined;
    const record = await applyAsSet(on, wanted, {
      kubeconfig: robot.kubeconfig,
      beforeWrite: async (what) => {
        if (what === 'apply set' || what === 'apply a') return;
        revoked ??= revoke();
        await revoked;
      },
    });
    t.deepEqual(became(record), {
      'ConfigMap/a': 'applied update data.a',
      'ConfigMap/b': 'failed Forbidden',
      'ConfigMap/c': 'failed Forbidden',
      'Secret/old': 'skipped PruneBlocked',
      'ConfigMap/set': 'failed ApplySetParent',
    });
    const next = await applyAsSet(on, wanted);
    t.deepEqual(await membersOf(on), ['configmap/a', 'configmap/b', 'configmap/c']);
    t.is(became(next)['Secret/old'], 'pruned delete');
  },
);

test.serial('a front that limits the size of bodies is told from the API server', async (t) => {
  const on = await stage(t);
  await using between = await front(on.endpoint, ({ method }) =>
    method === 'PATCH'
      ? { status: 413, body: '<html><title>413 Request Entity Too Large</title></html>' }
      : undefined,
  );
  const record = await applyText(on, configMap('a'), { server: between.url });
  t.is(record.outcomes[0]!.result, 'failed');
  t.regex(record.outcomes[0]!.error!.message, /413 Request Entity Too Large.* a proxy or a login page/);
});
