import test from 'ava';
import { planSet } from '../../../core/plan/plan.ts';
import { SecretGate } from '../../../core/plan/secret-gate.ts';
import { accessOf, apiCall } from '../../support/cluster.ts';
import { AS_US, held, onCluster, readText, type Stage, stage, told } from '../../support/plan.ts';
import { shop } from '../../support/shop.ts';

const OWNERSHIP = ['unchanged: Ownership'];
const CONFIG = (data: string, metadata = ''): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: web${metadata}}
data: {${data}}
`;
const clientSide = (on: Stage, yaml: string, ...flags: string[]): Promise<string> =>
  on.kubectl(['apply', ...flags, '-f', '-'], yaml);
const serverSide = (on: Stage, manager: string, yaml: string): Promise<string> =>
  on.kubectl(['apply', '--server-side', '--force-conflicts', `--field-manager=${manager}`, '-f', '-'], yaml);

/** How an object came to be, what we want then, and what the plan has to say. */
interface Takeover {
  title: string;
  make: (on: Stage) => Promise<unknown>;
  wanted: string;
  told: Record<string, string[]>;
  kubectlIsBlind?: true;
}

const TAKEOVERS: Takeover[] = [
  {
    title: 'keys that leave with client-side apply are removed',
    make: async (on) => {
      await clientSide(on, CONFIG('a: "1", b: "2", c: "3"', ', labels: {app: web, old: x}'));
      await clientSide(on, CONFIG('a: "1", b: "2", d: "4"', ', labels: {app: web, old: x}'));
    },
    wanted: CONFIG('a: "1"', ', labels: {app: web}'),
    told: { 'ConfigMap/web': ['update', 'data.b', 'data.d', 'metadata.labels.old'] },
    kubectlIsBlind: true,
  },
  {
    title: 'the same values from client-side apply only change owner',
    make: (on) => clientSide(on, CONFIG('a: "1"', ', labels: {app: web}')),
    wanted: CONFIG('a: "1"', ', labels: {app: web}'),
    told: { 'ConfigMap/web': OWNERSHIP },
  },
  {
    title: 'what others added to a client-side applied object stays',
    make: async (on) => {
      await clientSide(on, CONFIG('a: "1", b: "2", c: "3"'));
      await on.kubectl('annotate cm/web note=x');
      await on.kubectl(['patch', 'cm/web', '-p', '{"data":{"own":"o","c":"4"}}']);
    },
    wanted: CONFIG('a: "9"'),
    told: { 'ConfigMap/web': ['update', 'data.a', 'data.b'] },
    kubectlIsBlind: true,
  },
  {
    title: 'what another manager took over from client-side apply before us stays',
    make: async (on) => {
      await clientSide(on, CONFIG('a: "1", b: "2"'));
      await serverSide(on, 'helm', CONFIG('a: "1"'));
      await serverSide(on, 'helm', CONFIG('a: "1", c: "3"'));
    },
    wanted: CONFIG('a: "1"'),
    told: { 'ConfigMap/web': OWNERSHIP },
  },
  {
    title: 'client-side apply under our own name is taken over too',
    make: (on) => clientSide(on, CONFIG('a: "1", b: "2"'), '--field-manager=gitlab-agent'),
    wanted: CONFIG('a: "1"'),
    told: { 'ConfigMap/web': ['update', 'data.b'] },
    kubectlIsBlind: true,
  },
  {
    title: 'client-side apply over an object of ours adds keys that go again',
    make: async (on) => {
      await on.apply(CONFIG('a: "1"'));
      await clientSide(on, CONFIG('a: "1", b: "2"'));
    },
    wanted: CONFIG('a: "1"'),
    told: { 'ConfigMap/web': ['update', 'data.b'] },
    kubectlIsBlind: true,
  },
  {
    title: 'kubectl create owns what it wrote, and keeps what we do not name',
    make: (on) => on.kubectl('create cm web --from-literal=a=1 --from-literal=b=2'),
    wanted: CONFIG('a: "1"'),
    told: { 'ConfigMap/web': OWNERSHIP },
  },
  {
    title: 'kubectl create --save-config counts as client-side apply',
    make: (on) => on.kubectl('create cm web --from-literal=a=1 --from-literal=b=2 --save-config'),
    wanted: CONFIG('a: "1"'),
    told: { 'ConfigMap/web': ['update', 'data.b'] },
    kubectlIsBlind: true,
  },
  {
    title: 'another manager that applied before us keeps what we do not name',
    make: (on) => serverSide(on, 'flux', CONFIG('a: "1", b: "2"')),
    wanted: CONFIG('a: "2"'),
    told: { 'ConfigMap/web': ['update', 'data.a'] },
  },
  {
    title: 'an object without any owners keeps what we do not name (before-first-apply)',
    make: async (on) => {
      await on.kubectl('create cm web --from-literal=a=1 --from-literal=b=2');
      const path = `/api/v1/namespaces/${on.namespace}/configmaps/web`;
      await apiCall(accessOf(on.endpoint), 'PATCH', path, { metadata: { managedFields: [{}] } });
    },
    wanted: CONFIG('a: "1"'),
    told: { 'ConfigMap/web': OWNERSHIP },
  },
  {
    title: 'what was there before our first apply stays after our second',
    make: async (on) => {
      await on.kubectl('create cm web --from-literal=a=1 --from-literal=b=2');
      const path = `/api/v1/namespaces/${on.namespace}/configmaps/web`;
      await apiCall(accessOf(on.endpoint), 'PATCH', path, { metadata: { managedFields: [{}] } });
      await on.apply(CONFIG('a: "1", b: "2", c: "3"'));
    },
    wanted: CONFIG('a: "1"'),
    told: { 'ConfigMap/web': ['update', 'data.c'] },
  },
  {
    title: 'a field of ours that another manager shares stays when we drop it',
    make: async (on) => {
      await on.apply(CONFIG('a: "1", b: "2", c: "3"'));
      await serverSide(on, 'helm', CONFIG('b: "2"'));
    },
    wanted: CONFIG('a: "1"'),
    told: { 'ConfigMap/web': ['update', 'data.c'] },
  },
];

for (const takeover of TAKEOVERS) {
  test.serial(takeover.title, async (t) => {
    const on = await stage(t);
    await takeover.make(on);
    const changes = await held(on, takeover.wanted, {
      ...(takeover.kubectlIsBlind && { kubectlIsBlind: true }),
    });
    t.deepEqual(told(changes), takeover.told);
  });
}

test.serial(
  'a client-side applied Deployment and Service lose what left the manifests, lists and all',
  async (t) => {
    const on = await stage(t);
    const objects = ['ConfigMap/web', 'Service/web', 'Deployment/web', 'Ingress/web', 'Role/web'];
    const before = objects.map((object) => shop(on, object)).join('---');
    await clientSide(on, before);
    await on.kubectl('set env deploy/web -c app INJECTED=1');
    const after = before
      .replace('        - {name: GREETING, value: hello}\n', '')
      .replace('        - {name: dns, containerPort: 5353, protocol: UDP}\n', '')
      .replace('  - {name: dns, port: 53, protocol: UDP, targetPort: 5353}\n', '')
      .replace(/ {6}- name: proxy\n.*\n.*\n.*metrics.*\n/, '')
      .replace('        args: [--port, "8080"]\n', '')
      .replace(/ {10}periodSeconds: 5\n/, '')
      .replace('verbs: [get, watch]', 'verbs: [get]');
    const pod = 'spec.template.spec.containers';
    t.deepEqual(told(await held(on, after, { kubectlIsBlind: true })), {
      'ConfigMap/web': OWNERSHIP,
      'Service/web': ['update', 'spec.ports[port=53,protocol="UDP"]'],
      'Deployment/web': [
        'update',
        `${pod}[name="app"].args`,
        `${pod}[name="app"].env[name="GREETING"]`,
        `${pod}[name="app"].ports[containerPort=5353,protocol="UDP"]`,
        `${pod}[name="app"].readinessProbe.periodSeconds`,
        `${pod}[name="proxy"]`,
      ],
      'Ingress/web': OWNERSHIP,
      'Role/web': ['update', 'rules[0].verbs[1]'],
    });
  },
);

const SECRET = (fields: string): string => `
apiVersion: v1
kind: Secret
metadata: {name: login}
${fields}
`;

test.serial('a key that leaves an applied stringData is told and removed', async (t) => {
  const on = await stage(t);
  await on.apply(SECRET('stringData: {user: admin, password: "12345"}'));
  const wanted = SECRET('stringData: {user: admin}');
  for (const full of [false, true]) {
    const change = await on.planOne(wanted, { full });
    t.deepEqual(told([change]), { 'Secret/login': ['update', 'data.password'] });
    t.deepEqual(change.fields, [{ path: 'data.password', before: '(changed)' }]);
  }
  // Written as `data`, which is how we send it, kubectl's apply does not remove the key either.
  t.deepEqual(told(await on.plan(SECRET('stringData: {user: admin, password: "12345"}'))), {
    'Secret/login': OWNERSHIP,
  });
});

test.serial('a Secret of ours that moved from stringData to data loses what left it', async (t) => {
  const on = await stage(t);
  await on.apply(SECRET('data: {user: YWRtaW4=, password: MTIz}'));
  t.deepEqual(told(await held(on, SECRET('data: {user: YWRtaW4=}'))), {
    'Secret/login': ['update', 'data.password'],
  });
});

test.serial('a live part-of label stays and is not shown, whoever wrote it', async (t) => {
  const on = await stage(t);
  const member = ', labels: {app: web, applyset.kubernetes.io/part-of: applyset-x}';
  await on.apply(CONFIG('a: "1", b: "2"', member));
  const wanted = CONFIG('a: "1", b: "3"', ', labels: {app: web}');
  const change = await on.planOne(wanted);
  t.deepEqual(told([change]), { 'ConfigMap/web': ['update', 'data.b'] });
  t.deepEqual(told(await on.plan(CONFIG('a: "1", b: "2"', ', labels: {app: web}'))), {});
  t.deepEqual(told(await on.plan(CONFIG('a: "1", b: "2"'))), {
    'ConfigMap/web': ['update', 'metadata.labels.app'],
  });
  await on.kubectl(['apply', ...AS_US, '-f', '-'], CONFIG('a: "1"'));
  await on.kubectl('label cm/web applyset.kubernetes.io/part-of=applyset-y');
  t.deepEqual(told(await held(on, CONFIG('a: "1"'))), {});
});

test('a controller that writes between the two dry runs of a take-over makes nothing unknown', async (t) => {
  const on = await stage(t);
  await clientSide(on, CONFIG('a: "1", b: "2"'));
  const manifests = await readText(CONFIG('a: "1"'), on.namespace);
  let collisions = 0;
  const changes = await onCluster(on.endpoint.kubeconfig, async (cluster) => {
    const update: typeof cluster.update = (ref, object, options) => {
      collisions += 1;
      if (collisions > 2) return cluster.update(ref, object, options);
      const message = 'the object has been modified';
      return Promise.resolve({
        ok: false,
        failure: { status: 409, reason: 'Conflict', message, causes: [] },
      });
    };
    const options = { namespace: on.namespace, enforceNamespace: false, gate: new SecretGate() };
    return (await planSet({ ...cluster, update }, manifests, options)).changes;
  });
  t.is(collisions, 3);
  t.deepEqual(told(changes), { 'ConfigMap/web': ['update', 'data.b'] });
});
