import test from 'ava';
import { applyExitCode } from '../../../core/model/apply.ts';
import { became, writesOf } from '../../support/apply.ts';
import { accessOf, apiCall, apiRequest, waitFor } from '../../support/cluster.ts';
import { failed, front } from '../../support/front.ts';
import { crdText, stage } from '../../support/plan.ts';
import { applyAsSet, configMap, membersOf, parentOf, planOfSet, setId } from '../../support/sets.ts';

const many = (count: number): string =>
  Array.from({ length: count }, (_none, index) => configMap(`c-${index}`)).join('');

test.serial('a set that lost most of its members asks before it deletes', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, many(22));
  const held = await applyAsSet(on, many(5));
  t.deepEqual(new Set(Object.values(became(held))), new Set(['unchanged', 'skipped PruneLimit']));
  t.is(held.outcomes.at(-1)!.error!.hint, '--prune-allow 17 if that is meant');
  t.is((await membersOf(on)).length, 22);
  const allowed = await applyAsSet(on, many(5), { allowance: { count: 17 } });
  t.deepEqual(new Set(Object.values(became(allowed))), new Set(['unchanged', 'pruned delete']));
  t.is((await membersOf(on)).length, 5);
});

test.serial('nothing is deleted when something failed, and an empty source deletes nothing', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b'));
  const bad = await applyAsSet(on, configMap('a') + configMap('c').replace('\ndata', '\ndat'));
  t.deepEqual(became(bad), {
    'ConfigMap/a': 'unchanged',
    'ConfigMap/c': 'failed Invalid',
    'ConfigMap/b': 'skipped PruneBlocked',
  });
  const empty = await applyAsSet(on, '');
  t.deepEqual(became(empty), { 'ConfigMap/a': 'skipped EmptySource', 'ConfigMap/b': 'skipped EmptySource' });
  t.deepEqual(await membersOf(on), ['configmap/a', 'configmap/b']);
});

test.serial('what could not be listed blocks the prune and is named', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b'));
  const message =
    'configmaps is forbidden: User "x" cannot list resource "configmaps" in API group "" in the namespace "n"';
  await using between = await front(on.endpoint, ({ path }) =>
    path.includes('labelSelector') ? { status: 403, body: failed(403, 'Forbidden', message) } : undefined,
  );
  const record = await applyAsSet(on, configMap('a'), { server: between.url });
  t.deepEqual(became(record), { 'ConfigMap/*': 'failed Forbidden', 'ConfigMap/a': 'unchanged' });
  t.deepEqual(await membersOf(on), ['configmap/a', 'configmap/b']);
});

test.serial('kinds on which much hangs, and what is annotated, stay until they are asked for', async (t) => {
  const on = await stage(t);
  const group = `${on.namespace}.example.org`;
  const claim = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
`;
  const precious = configMap('precious', 'a: "1"', ', annotations: {agent.gitlab.com/prune: disabled}');
  await applyAsSet(on, configMap('a') + claim + precious + crdText(group));
  const held = await applyAsSet(on, configMap('a'));
  t.deepEqual(became(held), {
    'ConfigMap/a': 'unchanged',
    'ConfigMap/precious': 'skipped skip PruneDisabled',
    'PersistentVolumeClaim/data': 'skipped PruneKind',
    [`CustomResourceDefinition/widgets.${group}`]: 'skipped PruneKind',
  });
  t.regex((await parentOf(on))!['contains-group-kinds']!, /CustomResourceDefinition/, 'they stay members');
  const kinds = ['PersistentVolumeClaim', 'CustomResourceDefinition'];
  const allowed = await applyAsSet(on, configMap('a'), { kinds });
  t.is(became(allowed)['PersistentVolumeClaim/data']?.split(' ')[0], 'pruned');
  t.is(became(allowed)[`CustomResourceDefinition/widgets.${group}`]?.split(' ')[0], 'pruned');
});

test.serial('labels that a Service gave to its EndpointSlices make no members of them', async (t) => {
  const on = await stage(t);
  const slice = (name: string): string => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}}
addressType: IPv4
endpoints: []
---
`;
  await applyAsSet(on, slice('own') + slice('other'));
  // As the EndpointSlice controller does: the labels of the Service on an object that it made and controls.
  const path = `/apis/discovery.k8s.io/v1/namespaces/${on.namespace}/endpointslices`;
  await apiCall(accessOf(on.endpoint), 'POST', path, {
    addressType: 'IPv4',
    endpoints: [],
    metadata: {
      name: 'web-copied',
      labels: { 'applyset.kubernetes.io/part-of': setId(on) },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Service',
          name: 'web',
          uid: '00000000-0000-0000-0000-000000000000',
          controller: true,
        },
      ],
    },
  });
  const live = async (): Promise<number> =>
    (await apiRequest(accessOf(on.endpoint), 'GET', `${path}/web-copied`)).status;
  t.deepEqual(became(await applyAsSet(on, slice('own'))), {
    'EndpointSlice/own': 'unchanged',
    'EndpointSlice/other': 'pruned delete',
  });
  // A garbage collector may take it, because its Service does not exist; we did not.
  t.true([200, 404].includes(await live()));
});

const MEANWHILE: [name: string, commands: string[][], expected: string][] = [
  [
    'recreated',
    [
      ['delete', 'cm/b'],
      ['create', 'cm', 'b'],
    ],
    'skipped Recreated',
  ],
  [
    'relabelled',
    [['label', '--overwrite', 'cm/b', 'applyset.kubernetes.io/part-of=applyset-x-v1']],
    'skipped delete',
  ],
  ['annotated', [['annotate', 'cm/b', 'agent.gitlab.com/prune=disabled']], 'skipped skip PruneDisabled'],
  ['touched', [['annotate', 'cm/b', 'note=x']], 'pruned delete'],
  ['gone', [['delete', 'cm/b']], 'pruned delete'],
];

for (const [name, commands, expected] of MEANWHILE) {
  test.serial(`a member that is ${name} between plan and delete`, async (t) => {
    const on = await stage(t);
    await applyAsSet(on, configMap('a') + configMap('b'));
    const record = await applyAsSet(on, configMap('c'), {
      beforeWrites: async () => {
        for (const command of commands) await on.kubectl(command);
      },
    });
    t.deepEqual(became(record), {
      'ConfigMap/c': 'applied create',
      'ConfigMap/a': 'pruned delete',
      'ConfigMap/b': expected,
    });
  });
}

test.serial(
  'a deletion that waits for a finalizer keeps its kind in the parent, and is not repeated',
  async (t) => {
    const on = await stage(t);
    const account = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: slow}
---
`;
    await applyAsSet(on, configMap('a') + account);
    const finalizers = (list: string): Promise<string> =>
      on.kubectl(['patch', 'sa/slow', '--type=merge', '-p', `{"metadata":{"finalizers":${list}}}`]);
    await finalizers('["example.org/slow"]');
    const first = await applyAsSet(on, configMap('a'));
    t.deepEqual(became(first), {
      'ConfigMap/a': 'unchanged',
      'ServiceAccount/slow': 'pruned delete Finalizers',
    });
    t.is(first.outcomes[1]!.change.message, 'it goes once its finalizers are done: example.org/slow');
    t.is((await parentOf(on))!['contains-group-kinds'], 'ConfigMap,ServiceAccount');
    t.deepEqual(became(await applyAsSet(on, configMap('a'))), { 'ConfigMap/a': 'unchanged' });
    await finalizers('null');
    await waitFor(async () => (await on.kubectl('get sa/slow --ignore-not-found')) === '', {
      what: 'its end',
    });
    await applyAsSet(on, configMap('a'));
    t.is((await parentOf(on))!['contains-group-kinds'], 'ConfigMap');
  },
);

test.serial('a plan with prune shows what apply would delete, and writes nothing', async (t) => {
  const on = await stage(t);
  const secret = `
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: canary-prune}
---
`;
  await applyAsSet(on, configMap('a') + secret);
  const writes = await writesOf(on, async () => {
    const changes = await planOfSet(on, configMap('a'));
    t.deepEqual(
      changes.map(({ id, action }) => `${id.name} ${action}`),
      ['a unchanged', 'login delete'],
    );
    t.notRegex(JSON.stringify(changes), /canary|Y2FuYXJ5/);
    t.regex(JSON.stringify(changes[1]!.before), /"password":"\(changed\)"/);
  });
  t.deepEqual(writes, []);
});

test.serial('an object that moved to another API group is the same object, and stays', async (t) => {
  const on = await stage(t);
  // Events are served by two groups, as Ingresses and PodDisruptionBudgets once were.
  const event = (apiVersion: string, rest: string): string => `
apiVersion: ${apiVersion}
kind: Event
metadata: {name: moved}
type: Normal
reason: Test
${rest}
---
`;
  const involved = `{kind: ConfigMap, name: a, namespace: ${on.namespace}}`;
  const core = event(
    'v1',
    `involvedObject: ${involved}\nsource: {component: test}\nfirstTimestamp: "2026-01-01T00:00:00Z"`,
  );
  await applyAsSet(on, configMap('a') + core);
  const uid = await on.kubectl('get ev/moved -o jsonpath={.metadata.uid}');
  const moved = event(
    'events.k8s.io/v1',
    `regarding: ${involved}\ndeprecatedSource: {component: test}\ndeprecatedFirstTimestamp: "2026-01-01T00:00:00Z"`,
  );
  const record = await applyAsSet(on, configMap('a') + moved);
  t.deepEqual(
    record.outcomes.map(({ change, result }) => `${change.id.group} ${change.id.name} ${result}`),
    [' a unchanged', 'events.k8s.io moved applied'],
  );
  t.is(await on.kubectl('get ev/moved -o jsonpath={.metadata.uid}'), uid);
});

test.serial(
  'a kind that moves to the CRD of another group: the new objects stay, the old ones go',
  async (t) => {
    const on = await stage(t);
    const [older, newer] = [`old.${on.namespace}.example.org`, `new.${on.namespace}.example.org`];
    await on.install(older);
    await on.install(newer);
    const widget = (group: string, size: number): string => `
apiVersion: ${group}/v1
kind: Widget
metadata: {name: w}
spec: {size: ${size}}
---
`;
    await applyAsSet(on, configMap('a') + widget(older, 1));
    const moved = await applyAsSet(on, configMap('a') + widget(newer, 2));
    t.deepEqual(
      moved.outcomes.map(({ change, result }) => `${change.id.group.split('.')[0]} ${result}`),
      [' unchanged', 'new applied', 'old pruned'],
    );
    t.is(await on.kubectl(`get widgets.${newer} w -o jsonpath={.spec.size}`), '2');
    t.is(await on.kubectl(`get widgets.${older} -o name`), '');
    t.is((await parentOf(on))!['contains-group-kinds'], `ConfigMap,Widget.${newer}`);
    // And back, with the same name.
    await applyAsSet(on, configMap('a') + widget(older, 3));
    t.is(await on.kubectl(`get widgets.${older} w -o jsonpath={.spec.size}`), '3');
    t.is(await on.kubectl(`get widgets.${newer} -o name`), '');
  },
);

test.serial('an object that two groups serve leaves the set by one delete', async (t) => {
  const on = await stage(t);
  const event = `
apiVersion: v1
kind: Event
metadata: {name: e}
type: Normal
reason: Test
involvedObject: {kind: ConfigMap, name: a, namespace: ${on.namespace}}
---
`;
  await applyAsSet(on, configMap('a') + event);
  const kinds = 'applyset.kubernetes.io/contains-group-kinds=ConfigMap,Event,Event.events.k8s.io';
  await on.kubectl(['annotate', '--overwrite', 'cm/set', kinds]);
  const record = await applyAsSet(on, configMap('a'));
  t.deepEqual(
    record.outcomes.map(({ change, result }) => `${change.id.kind} ${result}`),
    ['ConfigMap unchanged', 'Event pruned'],
  );
});

test.serial('what is prune: disabled stays for good, is said each time and makes no work', async (t) => {
  const on = await stage(t);
  const precious = configMap('precious', '', ', annotations: {agent.gitlab.com/prune: disabled}');
  await applyAsSet(on, configMap('a') + precious.replace('ConfigMap', 'Secret'));
  // The first run after that has something to record.
  await applyAsSet(on, configMap('a'));
  const writes = await writesOf(on, async () => {
    for (let run = 0; run < 3; run += 1) {
      const record = await applyAsSet(on, configMap('a'));
      t.deepEqual(became(record), {
        'ConfigMap/a': 'unchanged',
        'Secret/precious': 'skipped skip PruneDisabled',
      });
      t.is(applyExitCode(record.outcomes), 0, 'the set is as it should be');
    }
  });
  t.deepEqual(writes, []);
  t.is((await parentOf(on))!['contains-group-kinds'], 'ConfigMap,Secret', 'it is still found');
  // Back in Git it is a member like any other; without the annotation it goes once it leaves.
  const back = configMap('precious', '').replace('ConfigMap', 'Secret');
  await applyAsSet(on, configMap('a') + back);
  t.deepEqual(became(await applyAsSet(on, configMap('a'))), {
    'ConfigMap/a': 'unchanged',
    'Secret/precious': 'pruned delete',
  });
});
