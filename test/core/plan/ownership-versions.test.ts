import test from 'ava';
import { held, stage, told } from '../../support/plan.ts';
import { shop } from '../../support/shop.ts';

const FIELDS = `{size: {type: integer}, note: {type: string}, mode: {type: string, default: fast},
            ports: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [port],
              items: {type: object, required: [port], properties: {port: {type: integer}, name: {type: string}}}}}`;
const BOTH = { v1alpha1: FIELDS, v1: FIELDS };
const widget = (group: string, version: string, spec: string): string => `
apiVersion: ${group}/${version}
kind: Widget
metadata: {name: w}
spec: {${spec}}
`;

test.serial('a manifest that moved to another served version loses what left it', async (t) => {
  const on = await stage(t);
  const group = `${on.namespace}.example.org`;
  await on.install(group, { versions: BOTH });
  await on.apply(widget(group, 'v1alpha1', 'size: 1, note: x, ports: [{port: 1, name: a}, {port: 2}]'));
  const moved = widget(group, 'v1', 'size: 2, ports: [{port: 1, name: a}]');
  t.deepEqual(told(await held(on, moved)), {
    'Widget/w': ['update', 'spec.note', 'spec.ports[port=2]', 'spec.size'],
  });
});

test.serial('the same fields through another version are unchanged', async (t) => {
  const on = await stage(t);
  const group = `${on.namespace}.example.org`;
  await on.install(group, { versions: BOTH });
  await on.apply(widget(group, 'v1alpha1', 'size: 1, note: x'));
  t.deepEqual(told(await held(on, widget(group, 'v1', 'size: 1, note: x'))), {});
});

test.serial('a version that is no longer served, but listed, is converted by the server', async (t) => {
  const on = await stage(t);
  const group = `${on.namespace}.example.org`;
  await on.install(group, { versions: BOTH });
  await on.apply(widget(group, 'v1alpha1', 'size: 1, note: x'));
  await on.install(group, { versions: BOTH, unserved: ['v1alpha1'] });
  t.deepEqual(told(await on.plan(widget(group, 'v1', 'size: 1, note: x'))), {
    'Widget/w': ['unchanged: Ownership'],
  });
  t.deepEqual(told(await held(on, widget(group, 'v1', 'size: 1'))), { 'Widget/w': ['update', 'spec.note'] });
});

test.serial(
  'of a version that is gone from its CRD the plan tells what it can, and what has to be done',
  async (t) => {
    const on = await stage(t);
    const group = `${on.namespace}.example.org`;
    await on.install(group, { versions: BOTH });
    await on.apply(widget(group, 'v1alpha1', 'size: 1, note: x, ports: [{port: 1, name: a}, {port: 2}]'));
    await on.install(group, { versions: { v1: FIELDS } });
    const wanted = widget(group, 'v1', 'size: 2, ports: [{port: 1, name: b}]');
    const change = await on.planOne(wanted);
    t.deepEqual(told([change]), {
      'Widget/w': [
        'update: VersionGone',
        'spec.note',
        'spec.ports[port=1].name',
        'spec.ports[port=2]',
        'spec.size',
      ],
    });
    t.is(change.verified, false);
    t.is(
      change.message,
      `its managedFields name ${group}/v1alpha1, which its CRD no longer has: they have to be rewritten before an apply`,
    );
    await t.throwsAsync(on.apply(wanted), { message: /request to convert CR to an invalid group\/version/ });
  },
);

test.serial('an autoscaler applied as autoscaling/v1 is taken over as v2', async (t) => {
  const on = await stage(t);
  const v1 = `
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: db, labels: {old: x}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}
  minReplicas: 1
  maxReplicas: 4
  targetCPUUtilizationPercentage: 70
`;
  const v2 = shop(on, 'HorizontalPodAutoscaler/db');
  const metrics = [
    'spec.maxReplicas',
    'spec.metrics[0].resource.name',
    'spec.metrics[0].resource.target.averageUtilization',
    'spec.metrics[1]',
  ];
  await on.kubectl(['apply', '-f', '-'], v1);
  // kubectl takes over only what was written at the version that is applied: the label stays, owned by nobody.
  t.deepEqual(told(await held(on, v2)), { 'HorizontalPodAutoscaler/db': ['update', ...metrics] });
  await on.kubectl('delete hpa db');
  await on.apply(v1);
  t.deepEqual(told(await on.plan(v1)), {}, 'a manifest in the old version has no difference of its own');
  t.deepEqual(told(await held(on, v2)), {
    'HorizontalPodAutoscaler/db': ['update', 'metadata.labels.old', ...metrics],
  });
});
