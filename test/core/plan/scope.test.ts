import test from 'ava';
import { stringifyJson } from '../../../core/model/json.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { accessOf, apiCall } from '../../support/cluster.ts';
import { crdText, held, type Stage, stage, told } from '../../support/plan.ts';
import { shop } from '../../support/shop.ts';

const config = (metadata: string, data = 'a: "1"'): string => `
apiVersion: v1
kind: ConfigMap
metadata: {${metadata}}
data: {${data}}
`;
const clusterRole = (on: Stage, metadata = ''): string => `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ${on.namespace}${metadata}}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`;
const names = async (planning: Promise<{ id: { namespace?: string; name: string } }[]>): Promise<string[]> =>
  (await planning).map(({ id }) => `${id.namespace ?? '-'}/${id.name}`);

test('objects without a namespace go to the default one, those of the cluster to none', async (t) => {
  const on = await stage(t);
  const set = [
    config('name: a'),
    config('name: b, namespace: default'),
    clusterRole(on, ', namespace: default'),
  ];
  t.deepEqual(await names(on.plan(set.join('---'))), [`${on.namespace}/a`, 'default/b', `-/${on.namespace}`]);
  t.deepEqual(told(await held(on, clusterRole(on))), { [`ClusterRole/${on.namespace}`]: ['create'] });
  t.deepEqual(told(await on.plan(clusterRole(on, ', namespace: default'))), {});
});

test('custom resources get their scope from the CRD of the set', async (t) => {
  const on = await stage(t);
  const [local, wide] = [`local.${on.namespace}.example.org`, `wide.${on.namespace}.example.org`];
  const widget = (group: string): string =>
    `apiVersion: ${group}/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 1}\n`;
  const set = [widget(local), crdText(wide, { scope: 'Cluster' }), widget(wide), crdText(local)];
  t.deepEqual(await names(on.plan(set.join('---\n'))), [
    `${on.namespace}/w`,
    `-/widgets.${wide}`,
    '-/w',
    `-/widgets.${local}`,
  ]);
});

test('-n that contradicts files, and objects met twice, are refused at once with their places', async (t) => {
  const on = await stage(t);
  const hpa = shop(on, 'HorizontalPodAutoscaler/db').trimStart();
  const set = [
    config('name: a'),
    config('name: b, namespace: other'),
    config(`name: a, namespace: ${on.namespace}`),
    clusterRole(on, ', namespace: other'),
    hpa,
    hpa
      .replace('autoscaling/v2', 'autoscaling/v1')
      .replace('name: db', `name: db\n  namespace: ${on.namespace}`),
  ].join('---\n');
  const error = await t.throwsAsync(on.plan(set, { enforceNamespace: true }), { instanceOf: ProblemError });
  t.deepEqual(
    error?.problems.map(({ code, message }) => `${code}: ${message}`),
    [
      `OtherNamespace: configmap/b -n other names namespace other, but -n says ${on.namespace}`,
      `DuplicateObject: configmap/a -n ${on.namespace} is already defined in -:2`,
      `DuplicateObject: horizontalpodautoscaler.autoscaling/db -n ${on.namespace} is already defined in -:25`,
    ],
  );
  t.true(error?.problems.every(({ file, line }) => file === '-' && line !== undefined));
});

test('hooks and ignored objects are skipped, and nothing is asked about them', async (t) => {
  const on = await stage(t);
  const changes = await on.plan(
    [
      config('name: hook, annotations: {argocd.argoproj.io/hook: PreSync}'),
      config('name: ignored, annotations: {agent.gitlab.com/ignore: "true"}'),
      config('name: not-ignored, annotations: {agent.gitlab.com/ignore: "false"}'),
      'apiVersion: nowhere.example.org/v1\nkind: Thing\nmetadata: {name: x, annotations: {argocd.argoproj.io/hook: Sync}}\n',
    ].join('---\n'),
  );
  t.deepEqual(told(changes), {
    'ConfigMap/hook': ['skip: Hook'],
    'ConfigMap/ignored': ['skip: Ignored'],
    'ConfigMap/not-ignored': ['create'],
    'Thing/x': ['skip: Hook'],
  });
});

test('a plan is in the order of the manifests, and the same from run to run', async (t) => {
  const on = await stage(t);
  const documents = shop(on).split('---\n');
  await on.apply(documents.slice(4).join('---\n'));
  await on.kubectl('label pvc,netpol,role --all --overwrite app=other');
  await on.kubectl('scale sts/db --replicas=3');
  const set = [...documents, 'apiVersion: v1\nkind: Wrong\nmetadata: {name: x}\n'].reverse().join('\n---\n');
  const kinds = [...set.matchAll(/^kind: (\w+)$/gm)].map((match) => match[1]);
  const first = await on.plan(set);
  t.deepEqual(
    first.map(({ id }) => id.kind),
    kinds,
  );
  t.true(new Set(first.map(({ action }) => action)).size > 2);
  for (const full of [false, true, false, true])
    t.is(stringifyJson(await on.plan(set, { full })), stringifyJson(first));
});

test('a namespace that is nowhere, a kind that is not served, and the rest of the set', async (t) => {
  const on = await stage(t);
  const changes = await on.plan(
    [
      config('name: a, namespace: nowhere'),
      `apiVersion: ${on.namespace}.example.org/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 1}\n`,
      'apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: old}\n',
      'apiVersion: v1\nkind: Configmap\nmetadata: {name: misspelt}\n',
      config('name: a'),
    ].join('---\n'),
  );
  t.deepEqual(
    changes.map(({ action, reason, message }) => [action, reason, message]),
    [
      ['unknown', 'NamespaceNotFound', 'namespace nowhere does not exist and is not in the set'],
      [
        'unknown',
        'KindNotServed',
        `the API server does not serve kind Widget in ${on.namespace}.example.org/v1; is its CustomResourceDefinition installed?`,
      ],
      [
        'unknown',
        'KindNotServed',
        'the API server does not serve kind Deployment in apps/v1beta1; it serves apps/v1',
      ],
      [
        'unknown',
        'KindNotServed',
        'the API server does not serve kind Configmap in v1; is its CustomResourceDefinition installed?',
      ],
      ['create', undefined, undefined],
    ],
  );
});

test('objects that are being deleted, and all in a Namespace that is, are unknown', async (t) => {
  const on = await stage(t);
  const set = `${config('name: kept, finalizers: [example.org/wait]')}---${config('name: a')}`;
  await on.apply(set);
  const path = `/api/v1/namespaces/${on.namespace}/configmaps/kept`;
  await apiCall(accessOf(on.endpoint), 'DELETE', path);
  const change = await on.plan(set);
  t.deepEqual(told(change), { 'ConfigMap/kept': ['unknown: BeingDeleted'] });
  await apiCall(accessOf(on.endpoint), 'DELETE', `/api/v1/namespaces/${on.namespace}`);
  const namespaceSet = `apiVersion: v1\nkind: Namespace\nmetadata: {name: ${on.namespace}}\n`;
  const later = await on.plan(`${namespaceSet}---${set}---${config('name: new')}`);
  await apiCall(accessOf(on.endpoint), 'PATCH', path, { metadata: { finalizers: null } });
  t.deepEqual(told(later), {
    [`Namespace/${on.namespace}`]: ['unknown: BeingDeleted'],
    'ConfigMap/kept': ['unknown: BeingDeleted'],
    'ConfigMap/new': ['unknown: NamespaceTerminating'],
  });
});
