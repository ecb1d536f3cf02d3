import test from 'ava';
import { applySetId } from '../../../core/apply/apply-set.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { applyText, became, writesOf } from '../../support/apply.ts';
import { kubectl } from '../../support/cluster.ts';
import { type Stage, stage } from '../../support/plan.ts';
import { applyAsSet, configMap, membersOf, parentOf, planOfSet, setId } from '../../support/sets.ts';

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "a:1"}]}
---
`;
const kubectlApplySet = (on: Stage, set: string, yaml: string, more: string[] = []) => {
  process.env.KUBECTL_APPLYSET = 'true';
  return kubectl(['-n', on.namespace, 'apply', '--prune', `--applyset=${set}`, ...more, '-f', '-'], {
    kubeconfig: on.endpoint.kubeconfig,
    input: yaml,
    allowFailure: true,
  });
};
const problemOf = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
  } catch (error) {
    if (error instanceof ProblemError) return `${error.problems[0]!.code}: ${error.problems[0]!.message}`;
    throw error;
  }
  return 'no problem';
};

test('the ID is the one that KEP-3659 computes', (t) => {
  // printf my-set.my-namespace.ConfigMap. | openssl sha256 -binary | base64, unpadded, in the alphabet of URLs.
  t.is(
    applySetId({ namespace: 'my-namespace', name: 'my-set' }).id,
    'applyset-daHGr0qMNVeZTBERSo-C-eiiX0_LQcVLAkdLmedqEAQ-v1',
  );
});

test.serial('the parent says what the KEP asks for, and kubectl lists the members', async (t) => {
  const on = await stage(t);
  const record = await applyAsSet(on, configMap('a') + DEPLOYMENT);
  t.deepEqual(became(record), { 'ConfigMap/a': 'applied create', 'Deployment/web': 'applied create' });
  t.deepEqual(record.applySet, { id: setId(on), namespace: on.namespace, name: 'set' });
  t.deepEqual(await parentOf(on), {
    id: setId(on),
    tooling: 'gitlab-agent/v0.0.0-test',
    'contains-group-kinds': 'ConfigMap,Deployment.apps',
    'additional-namespaces': '',
  });
  t.deepEqual(await membersOf(on), ['configmap/a', 'deployment.apps/web']);
  const writes = await writesOf(on, async () => {
    t.deepEqual(
      [...new Set(Object.values(became(await applyAsSet(on, configMap('a') + DEPLOYMENT))))],
      ['unchanged'],
    );
  });
  t.deepEqual(writes, [], 'a second time writes nothing, the parent included');
});

test.serial('what left the manifests is deleted, exactly that, and the parent narrows', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b') + DEPLOYMENT);
  await applyText(on, configMap('bystander'));
  const record = await applyAsSet(on, configMap('a'));
  t.deepEqual(became(record), {
    'ConfigMap/a': 'unchanged',
    'ConfigMap/b': 'pruned delete',
    'Deployment/web': 'pruned delete',
  });
  t.deepEqual(await membersOf(on), ['configmap/a']);
  t.is((await parentOf(on))!['contains-group-kinds'], 'ConfigMap');
  t.regex(await on.kubectl('get cm -o name'), /configmap\/bystander/);
});

test.serial('a run without prune widens the parent and forgets nobody', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, DEPLOYMENT, { prune: false });
  await applyAsSet(on, configMap('a'), { prune: false });
  t.is((await parentOf(on))!['contains-group-kinds'], 'ConfigMap,Deployment.apps');
  t.deepEqual(became(await applyAsSet(on, configMap('a'))), {
    'ConfigMap/a': 'unchanged',
    'Deployment/web': 'pruned delete',
  });
});

test.serial('kubectl refuses a set of ours, and we a set of kubectl until it is named', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a'));
  const refused = await kubectlApplySet(on, 'configmap/set', configMap('a'));
  t.not(refused.code, 0);
  t.regex(refused.stderr, /tooling/);

  const theirs = await kubectlApplySet(on, 'configmap/theirs', configMap('x') + configMap('z'));
  t.is(theirs.code, 0, theirs.stderr);
  t.is((await parentOf(on, 'theirs'))!.id, setId(on, 'theirs'), 'kubectl computes the ID as we do');
  t.regex(
    await problemOf(applyAsSet(on, configMap('x'), { name: 'theirs' })),
    /^OtherTooling: the parent of the apply set, configmap\/theirs -n \S+, belongs to kubectl\/v/,
  );
  const taken = await applyAsSet(on, configMap('x'), { name: 'theirs', adopt: [setId(on, 'theirs')] });
  t.deepEqual(became(taken), {
    'ConfigMap/x': 'applied unchanged Ownership',
    'ConfigMap/z': 'pruned delete',
  });
  t.deepEqual(await membersOf(on, 'theirs'), ['configmap/x']);
  t.is((await parentOf(on, 'theirs'))!.tooling, 'gitlab-agent/v0.0.0-test');
});

test.serial('kubectl refuses to prune a set of ours, whatever else it is told', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b'));
  for (const more of [[], ['--server-side', '--force-conflicts']]) {
    const refused = await kubectlApplySet(on, 'configmap/set', configMap('a'), more);
    t.not(refused.code, 0);
    t.regex(refused.stderr, /managed by tooling "gitlab-agent" instead of "kubectl"/);
  }
  t.deepEqual(await membersOf(on), ['configmap/a', 'configmap/b']);
});

const TAKEN: [how: string, args: string[], data: string, expected: string][] = [
  ['plain kubectl apply', ['apply'], 'a: "1"', 'unchanged Ownership'],
  ['plain kubectl apply of another value', ['apply'], 'a: "2"', 'update data.a'],
  ['a field that kubectl apply adds', ['apply'], 'a: "1", b: "2"', 'update data.b'],
  [
    'server-side kubectl apply of another value',
    ['apply', '--server-side', '--force-conflicts'],
    'a: "2"',
    'update data.a from kubectl',
  ],
  [
    'an apply set of kubectl',
    ['apply', '--prune', '--applyset=configmap/theirs'],
    'a: "1"',
    'unknown MemberOfSet',
  ],
];
for (const [how, args, data, expected] of TAKEN) {
  test.serial(`a member that is taken by ${how} is noticed, in the plan and by apply`, async (t) => {
    const on = await stage(t);
    process.env.KUBECTL_APPLYSET = 'true';
    await applyAsSet(on, configMap('a'));
    await on.kubectl([...args, '-f', '-'], configMap('a', data));
    const [planned] = await planOfSet(on, configMap('a'));
    const { action, reason, fields = [], conflicts = [] } = planned!;
    const said = [action, reason, ...fields.map(({ path }) => path)];
    const from = conflicts.map(({ manager }) => `from ${manager}`);
    t.is([...said, ...from].filter((word) => word).join(' '), expected);
    const record = await applyAsSet(on, configMap('a'));
    if (action === 'unknown') {
      t.deepEqual(became(record), { 'ConfigMap/a': 'failed MemberOfSet' });
      t.deepEqual(await membersOf(on, 'theirs'), ['configmap/a'], 'it is theirs until somebody decides');
      return;
    }
    t.is(record.outcomes[0]!.result, 'applied');
    t.deepEqual(became(await applyAsSet(on, configMap('a'))), { 'ConfigMap/a': 'unchanged' });
    t.deepEqual(await membersOf(on), ['configmap/a']);
  });
}

test.serial('members of other sets are refused until their set is named; then they move', async (t) => {
  const on = await stage(t);
  await applyAsSet(on, configMap('a') + configMap('b'), { name: 'one' });
  const refused = await applyAsSet(on, configMap('a', 'a: "2"') + configMap('c'), { name: 'two' });
  t.deepEqual(became(refused), { 'ConfigMap/a': 'failed MemberOfSet', 'ConfigMap/c': 'applied create' });
  t.deepEqual(became(await applyText(on, configMap('a', 'a: "2"'))), { 'ConfigMap/a': 'failed MemberOfSet' });
  t.deepEqual(became(await applyText(on, configMap('a'))), { 'ConfigMap/a': 'unchanged' });
  const moved = await applyAsSet(on, configMap('a') + configMap('c'), {
    name: 'two',
    adopt: [setId(on, 'one')],
  });
  t.deepEqual(became(moved), {
    'ConfigMap/a': 'applied update Adopt metadata.labels["applyset.kubernetes.io/part-of"]',
    'ConfigMap/c': 'unchanged',
  });
  t.deepEqual(became(await applyAsSet(on, configMap('b'), { name: 'one' })), { 'ConfigMap/b': 'unchanged' });
  t.deepEqual(await membersOf(on, 'two'), ['configmap/a', 'configmap/c']);
});

test.serial('objects without an owner are adopted, and that is said; so is a lost label', async (t) => {
  const on = await stage(t);
  await on.kubectl('create cm a --from-literal=a=1');
  await applyAsSet(on, configMap('b'));
  await on.kubectl('label cm b applyset.kubernetes.io/part-of-');
  const record = await applyAsSet(on, configMap('a') + configMap('b'));
  const label = 'metadata.labels["applyset.kubernetes.io/part-of"]';
  t.deepEqual(became(record), {
    'ConfigMap/a': `applied update Adopt ${label}`,
    'ConfigMap/b': `applied update Adopt ${label}`,
  });
  t.deepEqual(
    record.outcomes.map(({ change }) => change.message),
    ['it joins the set: it belonged to none', 'it joins the set: it has no label of one, or lost it'],
  );
});

test.serial(
  'a label of a set that was copied into a manifest is refused, unless it is that set',
  async (t) => {
    const on = await stage(t);
    const copied = configMap('copy', 'a: "1"', `, labels: {applyset.kubernetes.io/part-of: ${setId(on)}}`);
    await applyAsSet(on, configMap('a'));
    t.deepEqual(became(await applyText(on, copied)), { 'ConfigMap/copy': 'failed PartOfInManifest' });
    const other = await applyAsSet(on, copied + configMap('b'), { name: 'other' });
    t.deepEqual(became(other), {
      'ConfigMap/copy': 'failed PartOfInManifest',
      'ConfigMap/b': 'applied create',
    });
    t.is(became(await applyAsSet(on, configMap('a') + copied))['ConfigMap/copy'], 'applied create');
  },
);

test.serial('an inventory of cli-utils counts as a set', async (t) => {
  const on = await stage(t);
  await on.kubectl('create cm a --from-literal=a=0');
  await on.kubectl('annotate cm a config.k8s.io/owning-inventory=inv-1');
  t.deepEqual(became(await applyAsSet(on, configMap('a'))), { 'ConfigMap/a': 'failed MemberOfSet' });
  t.deepEqual(became(await applyAsSet(on, configMap('a'), { adopt: ['inv-1'] })), {
    'ConfigMap/a': 'applied update Adopt data.a metadata.labels["applyset.kubernetes.io/part-of"]',
  });
});

test.serial(
  'a parent that is none, or that would be its own member, is refused before anything is written',
  async (t) => {
    const on = await stage(t);
    await on.kubectl('create cm plain --from-literal=a=1');
    const namespace = `
apiVersion: v1
kind: Namespace
metadata: {name: ${on.namespace}}
---
`;
    const writes = await writesOf(on, async () => {
      t.regex(
        await problemOf(applyAsSet(on, configMap('a'), { name: 'plain' })),
        /^NotApplySet: .* is no parent of an apply set$/,
      );
      t.regex(
        await problemOf(applyAsSet(on, configMap('a') + namespace)),
        /^ParentInSet: .*can't have the Namespace of its parent/,
      );
      t.regex(
        await problemOf(applyAsSet(on, configMap('set'))),
        /^ParentInSet: .*can't have its own parent as a member$/,
      );
    });
    t.deepEqual(writes, []);
  },
);
