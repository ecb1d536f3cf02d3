import test, { type ExecutionContext } from 'ava';
import { orderSteps } from '../../../core/apply/order.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { applyText, became } from '../../support/apply.ts';
import { kubectl } from '../../support/cluster.ts';
import { crdText, readText, stage } from '../../support/plan.ts';
import { applyAsSet } from '../../support/sets.ts';

const object = (kind: string, name: string, annotations = '', rest = ''): string => `
apiVersion: ${API[kind] ?? 'v1'}
kind: ${kind}
metadata: {name: ${name}, annotations: {${annotations}}}
${rest}
---
`;
const API: Record<string, string> = {
  Deployment: 'apps/v1',
  Role: 'rbac.authorization.k8s.io/v1',
  RoleBinding: 'rbac.authorization.k8s.io/v1',
  CustomResourceDefinition: 'apiextensions.k8s.io/v1',
  Widget: 'example.org/v1',
  ValidatingWebhookConfiguration: 'admissionregistration.k8s.io/v1',
  APIService: 'apiregistration.k8s.io/v1',
};
const after = (...targets: string[]): string => `config.kubernetes.io/depends-on: "${targets.join(', ')}"`;
const wave = (number: string): string => `argocd.argoproj.io/sync-wave: "${number}"`;

/** The names of each wave, one after the other. */
async function wavesOf(yaml: string): Promise<string> {
  const manifests = await readText(yaml);
  const steps = manifests.map((manifest) => ({
    manifest,
    change: {
      id: { ...manifest.id, namespace: CLUSTER.has(manifest.id.kind) ? undefined : 'shop' },
      action: 'create' as const,
    },
  }));
  const { waves } = orderSteps(steps);
  return waves.map((steps) => steps.map(({ change }) => change.id.name).join(' ')).join(' | ');
}
const CLUSTER = new Set([
  'Namespace',
  'CustomResourceDefinition',
  'ValidatingWebhookConfiguration',
  'APIService',
]);

const ORDERS: [title: string, yaml: string, waves: string][] = [
  [
    'kinds by what they need of each other',
    object('ValidatingWebhookConfiguration', 'hook') +
      object('APIService', 'v1.metrics') +
      object('Widget', 'widget') +
      object('Deployment', 'web') +
      object('Service', 'web-svc') +
      object('PersistentVolumeClaim', 'data') +
      object('ConfigMap', 'settings') +
      object('RoleBinding', 'binding') +
      object('Role', 'role') +
      object('ServiceAccount', 'account') +
      object('Namespace', 'shop') +
      crdText('example.org'),
    'shop widgets.example.org | role account | binding | settings | data | web-svc | web | widget | v1.metrics | hook',
  ],
  [
    'sync waves come before kinds',
    object('Deployment', 'first', wave('-5')) +
      object('ConfigMap', 'second') +
      object('Role', 'third', wave('+2')),
    'first | second | third',
  ],
  [
    'what an object needs comes before it, whatever its wave says',
    object('ConfigMap', 'early', wave('-1')) +
      object('Namespace', 'shop', wave('3')) +
      object('ConfigMap', 'other'),
    'shop | early other',
  ],
  [
    'depends-on in both forms, over kinds and waves, in chains',
    object('ConfigMap', 'a', after('/namespaces/shop/ConfigMap/b')) +
      object('ConfigMap', 'b', after('apps/namespaces/shop/Deployment/c', '/Namespace/d')) +
      object('Deployment', 'c') +
      object('Namespace', 'd'),
    'd | c | b | a',
  ],
];

for (const [title, yaml, waves] of ORDERS) {
  test(title, async (t) => t.is(await wavesOf(yaml), waves));
}

async function problemOf(t: ExecutionContext, yaml: string): Promise<string[]> {
  const error = await t.throwsAsync(wavesOf(yaml), { instanceOf: ProblemError });
  return (error as ProblemError).problems.map(({ code, line, message }) => `${line}: ${code}: ${message}`);
}

test('circles, missing targets and unreadable annotations are problems with a place', async (t) => {
  t.deepEqual(
    await problemOf(
      t,
      object('ConfigMap', 'a', after('/namespaces/shop/ConfigMap/b')) +
        object('ConfigMap', 'b', after('/namespaces/shop/ConfigMap/a')),
    ),
    [
      '2: DependencyCycle: the objects wait for each other: configmap/a -n shop → configmap/b -n shop → configmap/a -n shop',
    ],
  );
  t.deepEqual(await problemOf(t, object('ConfigMap', 'a', after('/namespaces/shop/ConfigMap/gone'))), [
    '2: DependsOn: configmap/a -n shop depends on /namespaces/shop/ConfigMap/gone, which is not in the set',
  ]);
  t.deepEqual(
    await problemOf(t, object('ConfigMap', 'a', after('ConfigMap/b')) + object('ConfigMap', 'b', wave('x'))),
    [
      '2: DependsOn: config.kubernetes.io/depends-on: can\'t read "ConfigMap/b"',
      '8: SyncWave: argocd.argoproj.io/sync-wave must be an integer, not "x"',
    ],
  );
});

test.serial('a CRD, its resources and their Namespace come in one go, written last to first', async (t) => {
  const on = await stage(t);
  const group = `${on.namespace}.example.org`;
  t.teardown(async () => {
    await kubectl(['delete', 'crd', `widgets.${group}`, '--wait=false'], { allowFailure: true });
    await kubectl(['delete', 'ns', `${on.namespace}-x`, '--wait=false'], { allowFailure: true });
  });
  const widget = `
apiVersion: ${group}/v1
kind: Widget
metadata: {name: w, namespace: ${on.namespace}-x}
spec: {size: SIZE}
---`;
  const rest = `${crdText(group)}---${object('Namespace', `${on.namespace}-x`)}`;
  const record = await applyText(on, widget.replace('SIZE', '3') + rest);
  t.deepEqual([...new Set(Object.values(became(record)))], ['applied create']);
  // A field that only the new schema of the CRD has.
  const wider = crdText(group, { versions: { v1: '{size: {type: integer}, color: {type: string}}' } });
  const again = await applyText(on, widget.replace('SIZE', '4, color: red') + wider);
  t.deepEqual(became(again), {
    'Widget/w': 'applied update spec.color spec.size',
    [`CustomResourceDefinition/widgets.${group}`]:
      'applied update spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.color.type',
  });
});

test.serial(
  'a version that comes with its CRD is used in the same go, and holds no prune back',
  async (t) => {
    const on = await stage(t);
    const group = `${on.namespace}.example.org`;
    const schema = '{size: {type: integer}, color: {type: string}}';
    t.teardown(async () => {
      await kubectl(['delete', 'crd', `widgets.${group}`, '--wait=false'], { allowFailure: true });
    });
    const widget = (version: string, spec: string): string => `
apiVersion: ${group}/${version}
kind: Widget
metadata: {name: w}
spec: {${spec}}
---
`;
    const old = crdText(group, { versions: { v1: schema } });
    await applyAsSet(on, `${widget('v1', 'size: 1')}${old}---${object('ConfigMap', 'goes')}`);
    const both = crdText(group, { versions: { v1: schema, v2: schema } });
    const record = await applyAsSet(on, widget('v2', 'size: 2, color: red') + both);
    const crd = `CustomResourceDefinition/widgets.${group}`;
    t.deepEqual(
      Object.entries(became(record)).map(([name, what]) => `${name} ${what.split(' ')[0]}`),
      ['Widget/w applied', `${crd} applied`, 'ConfigMap/goes pruned'],
    );
    t.is(await on.kubectl(`get widgets.${group} w -o jsonpath={.spec}`), '{"color":"red","size":2}');
    const again = await applyAsSet(on, widget('v2', 'size: 2, color: red') + both);
    t.deepEqual([...new Set(Object.values(became(again)))], ['unchanged']);
  },
);

test.serial('what needs a failed object is held back, and nothing else is', async (t) => {
  const on = await stage(t);
  const target = `/namespaces/${on.namespace}/ConfigMap/bad`;
  const yaml =
    object('ConfigMap', 'bad', '', 'dat: {}') +
    object('ConfigMap', 'needs', after(target)) +
    object('ConfigMap', 'needs-it-too', after(`/namespaces/${on.namespace}/ConfigMap/needs`)) +
    object('ConfigMap', 'free');
  const record = await applyText(on, yaml);
  t.deepEqual(became(record), {
    'ConfigMap/bad': 'failed Invalid',
    'ConfigMap/needs': 'skipped DependencyFailed',
    'ConfigMap/needs-it-too': 'skipped DependencyFailed',
    'ConfigMap/free': 'applied create',
  });
  t.is(record.outcomes[1]!.error!.message, `it needs configmap/bad -n ${on.namespace}, which failed`);
});

test.serial('a Pod and its new Namespace come in one go: its ServiceAccount is waited for', async (t) => {
  const on = await stage(t);
  const name = `${on.namespace}-pod`;
  t.teardown(async () => {
    await kubectl(['delete', 'ns', name, '--wait=false'], { allowFailure: true });
  });
  const pod = `
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: ${name}}
spec: {containers: [{name: app, image: "a:1"}]}
---
`;
  t.deepEqual(became(await applyText(on, pod + object('Namespace', name))), {
    'Pod/web': 'applied create',
    [`Namespace/${name}`]: 'applied create',
  });
});
