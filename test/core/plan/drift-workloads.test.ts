import test from 'ava';
import { held, stage, told } from '../../support/plan.ts';
import { APP, type Edit, expected, jsonPatch, make, POD, patch, shop } from '../../support/shop.ts';

const pod = (spec: object): object => ({ spec: { template: { spec } } });
const app = (container: object): object => pod({ containers: [{ name: 'app', ...container }] });
const CONTAINERS = '/spec/template/spec/containers';
const deployment = (spec: string, metadata = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
${metadata}
spec:
${spec}`;

const EDITS: Edit[] = [
  {
    title: 'kubectl set image',
    object: 'Deployment/web',
    run: ['set image deploy/web app=example.org/hacked:1 migrate=registry.example.org/shop/migrate:2'],
    fields: [`${APP}.image`, `${POD}.initContainers[name="migrate"].image`],
  },
  {
    title: 'kubectl set env, of a variable of ours and one of its own',
    object: 'Deployment/web',
    run: ['set env deploy/web -c app GREETING=bye DEBUG=1'],
    fields: [`${APP}.env[name="GREETING"].value`],
  },
  {
    title: 'kubectl scale',
    object: 'Deployment/web',
    run: ['scale deploy/web --replicas=4'],
    fields: ['spec.replicas'],
  },
  {
    title: 'a removed label, a changed and an added annotation',
    object: 'Deployment/web',
    run: ['label deploy/web tier-', 'annotate deploy/web --overwrite example.org/team=x example.org/note=x'],
    fields: ['metadata.annotations["example.org/team"]', 'metadata.labels.tier'],
  },
  {
    title: 'a removed variable',
    object: 'Deployment/web',
    run: [jsonPatch('deploy/web', { op: 'remove', path: `${CONTAINERS}/0/env/1` })],
    fields: [`${APP}.env[name="GREETING"]`],
  },
  {
    title: 'variables in another order',
    object: 'Deployment/web',
    run: [
      jsonPatch('deploy/web', {
        op: 'move',
        from: `${CONTAINERS}/0/env/2`,
        path: `${CONTAINERS}/0/env/0`,
      }),
    ],
    fields: [`${APP}.env`],
  },
  {
    title: 'a removed and an added container',
    object: 'Deployment/web',
    run: [
      jsonPatch('deploy/web', { op: 'remove', path: `${CONTAINERS}/1` }),
      patch('deploy/web', pod({ containers: [{ name: 'debug', image: 'busybox' }] })),
    ],
    fields: [`${POD}.containers[name="proxy"]`],
  },
  {
    title: 'an injected sidecar with its volume, before ours',
    object: 'Deployment/web',
    run: [
      jsonPatch('deploy/web', {
        op: 'add',
        path: `${CONTAINERS}/0`,
        value: { name: 'istio-proxy', image: 'istio:1' },
      }),
      patch('deploy/web', pod({ volumes: [{ name: 'token', emptyDir: {} }] })),
      patch('deploy/web', { metadata: { labels: { injected: 'yes' } }, ...app({ image: 'other' }) }),
    ],
    fields: [`${APP}.image`],
  },
  {
    title: 'a renamed port and a slower probe',
    object: 'Deployment/web',
    run: [
      patch(
        'deploy/web',
        app({
          ports: [{ containerPort: 5353, protocol: 'UDP', name: 'udp' }],
          readinessProbe: { periodSeconds: 60, failureThreshold: 9 },
        }),
      ),
    ],
    fields: [`${APP}.ports[containerPort=5353,protocol="UDP"].name`, `${APP}.readinessProbe.periodSeconds`],
  },
  {
    title: 'a removed UDP port that shares its number with a TCP port',
    object: 'Deployment/web',
    run: [jsonPatch('deploy/web', { op: 'remove', path: `${CONTAINERS}/0/ports/1` })],
    fields: [`${APP}.ports[containerPort=5353,protocol="UDP"]`],
  },
  {
    title: 'other arguments, which are one atomic list',
    object: 'Deployment/web',
    run: [jsonPatch('deploy/web', { op: 'add', path: `${CONTAINERS}/0/args/-`, value: '--debug' })],
    fields: [`${APP}.args[2]`],
  },
  {
    title: 'a limit and the size of a volume',
    object: 'Deployment/web',
    run: [
      patch('deploy/web', app({ resources: { limits: { memory: '256Mi', cpu: '2' } } })),
      patch('deploy/web', pod({ volumes: [{ name: 'cache', emptyDir: { sizeLimit: '2Gi' } }] })),
    ],
    fields: [`${APP}.resources.limits.memory`, `${POD}.volumes[name="cache"].emptyDir.sizeLimit`],
  },
  {
    title: 'another strategy, which is not ours',
    object: 'Deployment/web',
    run: [patch('deploy/web', { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } })],
    fields: [],
  },
  {
    title: 'the same quantities, written in another way',
    object: 'Deployment/web',
    run: [patch('deploy/web', app({ resources: { requests: { cpu: '0.5', memory: '65536Ki' } } }))],
    fields: [],
  },
  {
    title: 'an apply of another manager that adds fields of its own',
    object: 'Deployment/web',
    apply: {
      manager: 'linkerd',
      yaml: deployment(
        '  minReadySeconds: 5\n  template: {spec: {containers: [{name: app, env: [{name: MESH, value: "1"}]}]}}',
        '  labels: {mesh: linkerd}',
      ),
    },
    fields: [],
  },
  {
    title: 'an apply of another manager that shares fields with us',
    object: 'Deployment/web',
    apply: { manager: 'helm', yaml: deployment('  replicas: 2', '  labels: {app: shop}') },
    fields: [],
  },
  {
    title: 'an apply of another manager that takes fields from us',
    object: 'Deployment/web',
    apply: {
      manager: 'helm',
      yaml: deployment(
        '  replicas: 7\n  template: {spec: {containers: [{name: app, image: helm:1, env: [{name: GREETING, value: hi}]}]}}',
      ),
    },
    fields: ['spec.replicas', `${APP}.env[name="GREETING"].value`, `${APP}.image`],
  },
  {
    title: 'other images and a variable in a StatefulSet',
    object: 'StatefulSet/db',
    run: ['set image sts/db postgres=postgres:17', 'set env sts/db DEBUG=1'],
    fields: [`${POD}.containers[name="postgres"].image`],
  },
  {
    title: 'a suspended CronJob with another schedule',
    object: 'CronJob/report',
    run: [
      patch('cronjob/report', { spec: { schedule: '@hourly', suspend: true } }),
      'set env cronjob/report RANGE=7d',
    ],
    fields: [
      'spec.jobTemplate.spec.template.spec.containers[name="report"].env[name="RANGE"].value',
      'spec.schedule',
    ],
  },
];

for (const edit of EDITS) {
  test.serial(`${edit.title}: the plan says what of ours differs`, async (t) => {
    const on = await stage(t);
    const yaml = shop(on, edit.object);
    await on.apply(yaml);
    await make(on, edit);
    const changes = await held(on, yaml, { beside: edit.beside ?? [] });
    t.deepEqual(told(changes), expected(on, edit));
  });
}

test.serial('a field taken by another manager is told with that manager', async (t) => {
  const on = await stage(t);
  const yaml = shop(on, 'Deployment/web');
  await on.apply(yaml);
  await make(on, EDITS.find(({ title }) => title.endsWith('that takes fields from us'))!);
  const { conflicts } = await on.planOne(yaml);
  t.deepEqual(
    conflicts?.map(({ path, manager }) => `${manager}: ${path}`),
    ['helm: spec.replicas', `helm: ${APP}.env[name="GREETING"].value`, `helm: ${APP}.image`],
  );
});

// A union with two members is invalid, and whoever set the other one owns it: no apply of ours takes it away.
test.serial('drift that an apply could not mend is unknown, as it is for kubectl', async (t) => {
  const on = await stage(t);
  const yaml = shop(on, 'Deployment/web');
  await on.apply(yaml);
  const value = { name: 'cache', hostPath: { path: '/tmp' } };
  await on.kubectl(jsonPatch('deploy/web', { op: 'replace', path: '/spec/template/spec/volumes/1', value }));
  const change = await on.planOne(yaml);
  t.deepEqual(told([change]), { 'Deployment/web': ['unknown: Invalid'] });
  t.regex(change.message ?? '', /volumes\[1\]\.hostPath: Forbidden: may not specify more than 1 volume type/);
  await t.throwsAsync(on.apply(yaml), { message: /may not specify more than 1 volume type/ });
});
