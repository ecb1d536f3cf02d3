import test from 'ava';
import { became, writesOf } from '../../support/apply.ts';
import { kubectl, waitFor } from '../../support/cluster.ts';
import { failed, front } from '../../support/front.ts';
import { type Stage, stage } from '../../support/plan.ts';
import { applyAsSet, configMap, membersOf, parentOf, setId } from '../../support/sets.ts';

const ACCOUNT = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
---
`;
const SECRET = `
apiVersion: v1
kind: Secret
metadata: {name: login}
---
`;
const kindsOf = async (on: Stage, name = 'set'): Promise<string | undefined> =>
  (await parentOf(on, name))?.['contains-group-kinds'];
const kubectlApplySet = (on: Stage, set: string, yaml: string) => {
  process.env.KUBECTL_APPLYSET = 'true';
  const args = ['-n', on.namespace, 'apply', '--prune', `--applyset=configmap/${set}`, '-f', '-'];
  return kubectl(args, { kubeconfig: on.endpoint.kubeconfig, input: yaml });
};
/** Acts before the first write that is called so. */
const before = (wanted: string, act: () => Promise<unknown>, skip = 0) => {
  let seen = 0;
  return async (what: string): Promise<void> => {
    if (what !== wanted) return;
    seen += 1;
    if (seen === skip + 1) await act();
  };
};

test.serial('a parent that is deleted while the set is written is there again at the end', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + ACCOUNT);
  const record = await applyAsSet(on, configMap('a', 'a: "2"') + ACCOUNT, {
    beforeWrite: before('apply a', () => on.kubectl('delete cm set')),
  });
  t.is(became(record)['ConfigMap/a'], 'applied update data.a');
  t.is(await kindsOf(on), 'ConfigMap,ServiceAccount');
  t.deepEqual(became(await applyAsSet(on, configMap('a', 'a: "2"'))), {
    'ConfigMap/a': 'unchanged',
    'ServiceAccount/robot': 'pruned delete',
  });
});

test.serial('members of a set whose parent was deleted are found where its manifests are', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b'));
  await on.kubectl('delete cm set');
  t.deepEqual(became(await applyAsSet(on, configMap('a'))), {
    'ConfigMap/a': 'unchanged',
    'ConfigMap/b': 'pruned delete',
  });
  t.is(await kindsOf(on), 'ConfigMap');
});

test.serial('a run that narrows the parent while another one writes loses it nobody', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a'));
  // The parent covers Secrets by then, and the other run sees none.
  const other = before('apply login', () => applyAsSet(on, configMap('a')));
  await applyAsSet(on, configMap('a') + SECRET, { beforeWrite: other });
  t.is(await kindsOf(on), 'ConfigMap,Secret');
  t.deepEqual(became(await applyAsSet(on, configMap('a'))), {
    'ConfigMap/a': 'unchanged',
    'Secret/login': 'pruned delete',
  });
});

test.serial(
  'a run that comes and goes while another one narrows the parent loses nobody either',
  async (t) => {
    const on = await stage(t);
    await applyAsSet(on, configMap('a') + SECRET);
    await on.kubectl('delete secret login');
    const other = before('apply set', () => applyAsSet(on, configMap('a') + SECRET));
    await applyAsSet(on, configMap('a'), { beforeWrite: other });
    t.deepEqual(await membersOf(on), ['configmap/a', 'secret/login']);
    t.is(await kindsOf(on), 'ConfigMap,Secret');
  },
);

test.serial('two first runs at once make one parent that covers both', async (t) => {
  const on = await stage(t);
  const other = before('apply set', () => applyAsSet(on, SECRET, { prune: false }));
  await applyAsSet(on, configMap('a'), { prune: false, beforeWrite: other });
  t.is(await kindsOf(on), 'ConfigMap,Secret');
});

test.serial(
  'a parent that can not be read again is no reason to cover less, nor to hide the rest',
  async (t) => {
    const on = await stage(t);
    await applyAsSet(on, configMap('a') + SECRET);
    let reads = 0;
    await using between = await front(on.endpoint, ({ method, path }) => {
      if (method !== 'GET' || !path.endsWith('/configmaps/set')) return undefined;
      reads += 1;
      return reads > 1 ? { status: 403, body: failed(403, 'Forbidden', 'not any more') } : undefined;
    });
    const record = await applyAsSet(on, configMap('a', 'a: "2"'), { server: between.url });
    t.deepEqual(became(record), {
      'ConfigMap/a': 'applied update data.a',
      'Secret/login': 'pruned delete',
      'ConfigMap/set': 'failed ApplySetParent',
    });
    t.is(await kindsOf(on), 'ConfigMap,Secret');
  },
);

test.serial('a kind that is not served for a while keeps its place', async (t) => {
  const on = await stage(t);
  const group = `${on.namespace}.example.org`;
  const widget = `
apiVersion: ${group}/v1
kind: Widget
metadata: {name: w}
---
`;
  await on.install(group);
  await applyAsSet(on, configMap('a') + widget);
  const serve = (served: boolean): Promise<string> => {
    const patch = [{ op: 'replace', path: '/spec/versions/0/served', value: served }];
    return on.kubectl(['patch', 'crd', `widgets.${group}`, '--type=json', '-p', JSON.stringify(patch)]);
  };
  const isServed = async (): Promise<boolean> =>
    (await on.kubectl(['api-resources', `--api-group=${group}`, '-o', 'name'])) !== '';
  await serve(false);
  await waitFor(async () => !(await isServed()), { what: 'the kind to go' });
  t.deepEqual(became(await applyAsSet(on, configMap('a'))), { 'ConfigMap/a': 'unchanged' });
  await serve(true);
  await waitFor(isServed, { what: 'the kind to come back' });
  t.deepEqual(became(await applyAsSet(on, configMap('a'))), {
    'ConfigMap/a': 'unchanged',
    'Widget/w': 'pruned delete',
  });
  t.is(await kindsOf(on), 'ConfigMap');
});

test.serial('a take-over from kubectl that is cut short is finished by later runs', async (t) => {
  const on = await stage(t);
  await kubectlApplySet(on, 'theirs', configMap('x') + configMap('z') + SECRET);
  await using between = await front(on.endpoint, ({ method, path }) =>
    method !== 'GET' && !path.includes('/configmaps/theirs')
      ? { status: 403, body: failed(403, 'Forbidden', 'not yet') }
      : undefined,
  );
  const adopt = [setId(on, 'theirs')];
  const cut = await applyAsSet(on, configMap('x'), { name: 'theirs', adopt, server: between.url });
  t.deepEqual([...new Set(Object.values(became(cut)))].sort(), ['failed Denied', 'skipped PruneBlocked']);
  const parent = await parentOf(on, 'theirs');
  t.is(parent!.tooling, 'gitlab-agent/v0.0.0-test');
  t.regex(parent!['agent.gitlab.com/adopted-from']!, /^kubectl\/v/);
  const finished = await applyAsSet(on, configMap('x'), { name: 'theirs' });
  t.deepEqual(became(finished), {
    'ConfigMap/x': 'applied unchanged Ownership',
    'ConfigMap/z': 'pruned delete',
    'Secret/login': 'pruned delete',
  });
  t.is((await parentOf(on, 'theirs'))!['agent.gitlab.com/adopted-from'], undefined);
  t.is(await kindsOf(on, 'theirs'), 'ConfigMap');
});

test.serial('while a set is taken over, labels that controllers or people wrote do not count', async (t) => {
  const on = await stage(t);
  await kubectlApplySet(on, 'theirs', configMap('x'));
  await on.kubectl('create cm copy');
  await on.kubectl(`label cm copy applyset.kubernetes.io/part-of=${setId(on, 'theirs')}`);
  const adopt = [setId(on, 'theirs')];
  t.deepEqual(became(await applyAsSet(on, configMap('x'), { name: 'theirs', adopt })), {
    'ConfigMap/x': 'applied unchanged Ownership',
    'ConfigMap/copy': 'skipped skip LabelNotOurs',
  });
});

test.serial(
  'a set of kubectl 1.27, which names resources, is taken over once, then nothing is written',
  async (t) => {
    const on = await stage(t);
    await kubectlApplySet(on, 'theirs', configMap('x') + SECRET);
    await on.kubectl([
      'annotate',
      '--overwrite',
      'cm/theirs',
      'applyset.kubernetes.io/contains-group-kinds-',
      'applyset.kubernetes.io/contains-group-resources=configmaps,secrets',
    ]);
    const adopt = [setId(on, 'theirs')];
    t.deepEqual(became(await applyAsSet(on, configMap('x'), { name: 'theirs', adopt })), {
      'ConfigMap/x': 'applied unchanged Ownership',
      'Secret/login': 'pruned delete',
    });
    t.is(await kindsOf(on, 'theirs'), 'ConfigMap');
    t.deepEqual(await writesOf(on, () => applyAsSet(on, configMap('x'), { name: 'theirs' })), []);
  },
);

test.serial('a parent that was narrowed without an answer stays narrow', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + SECRET);
  let deleted = false;
  let lost = 0;
  await using between = await front(on.endpoint, ({ method, path }) => {
    if (method === 'DELETE') deleted = true;
    if (!deleted || method !== 'PATCH' || !path.includes('/configmaps/set') || lost > 0) return undefined;
    lost += 1;
    return 'half';
  });
  await applyAsSet(on, configMap('a'), { server: between.url });
  t.is(lost, 1);
  t.is(await kindsOf(on), 'ConfigMap');
});
