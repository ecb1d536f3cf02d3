import test from 'ava';
import { crdText, type Stage, stage, told } from '../../support/plan.ts';
import { APP, shop } from '../../support/shop.ts';
import { trueAfter } from '../../support/truth.ts';

/** An object and a change to it that the API server refuses for good; LABEL names what has no namespace. */
interface Immutable {
  title: string;
  yaml: string | ((on: Stage) => string);
  edit: [string | RegExp, string][];
  field: string;
  /** What differs in the new object without having been wanted. */
  beside?: string[];
}

const NEW = ['metadata.uid', 'metadata.creationTimestamp'];
const JOB_UID = ['metadata.labels', 'spec.selector', 'spec.template.metadata.labels'];

const cluster = (head: string, body: string): string => `
${head}
metadata: {name: LABEL}
${body}
`;
const local = (head: string, body: string): string => cluster(head, body).replace('LABEL', 'web');
const POD_TEMPLATE = `template:
    metadata: {labels: {app: web, more: a}}
    spec:
      containers: [{name: app, image: "example.org/app:1", env: [{name: A, value: a}]}]`;
const STATEFUL = (on: Stage): string => shop(on, 'StatefulSet/db');
const JOB = local(
  'apiVersion: batch/v1\nkind: Job',
  `spec:
  completions: 2
  ${POD_TEMPLATE}
      restartPolicy: Never`,
);
const CLAIM = (on: Stage): string =>
  shop(on, 'PersistentVolumeClaim/uploads').replace('spec:\n', 'spec:\n  storageClassName: none\n');
const rbac = 'apiVersion: rbac.authorization.k8s.io/v1\nkind:';

const REFUSED: Immutable[] = [
  {
    title: 'the selector of a Deployment',
    yaml: (on) => shop(on, 'Deployment/web'),
    edit: [[/tier: front/g, 'tier: edge']],
    field: 'spec.selector.matchLabels.tier',
  },
  {
    title: 'the selector of a DaemonSet',
    yaml: local(
      'apiVersion: apps/v1\nkind: DaemonSet',
      `spec:\n  selector: {matchLabels: {app: web}}\n  ${POD_TEMPLATE}`,
    ),
    edit: [[/app: web/g, 'app: web2']],
    field: 'spec.selector.matchLabels.app',
  },
  {
    title: 'the service name of a StatefulSet',
    yaml: STATEFUL,
    edit: [['serviceName: db', 'serviceName: data']],
    field: 'spec.serviceName',
  },
  {
    title: 'a claim template of a StatefulSet, beside an image',
    yaml: STATEFUL,
    edit: [
      ['storage: 10Gi', 'storage: 20Gi'],
      ['postgres:16', 'postgres:17'],
    ],
    field: 'spec.volumeClaimTemplates[0].spec.resources.requests.storage',
  },
  {
    title: 'a second claim template of a StatefulSet',
    yaml: STATEFUL,
    edit: [
      [
        /$/,
        '  - metadata: {name: logs}\n    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n',
      ],
    ],
    field: 'spec.volumeClaimTemplates[1]',
  },
  {
    title: 'the Pod template of a Job',
    yaml: JOB,
    edit: [['app:1', 'app:2']],
    field: `${APP}.image`,
    beside: JOB_UID,
  },
  {
    title: 'the completions of a Job',
    yaml: JOB,
    edit: [['completions: 2', 'completions: 3']],
    field: 'spec.completions',
    beside: JOB_UID,
  },
  {
    title: 'the class of a PersistentVolumeClaim',
    yaml: CLAIM,
    edit: [['storageClassName: none', 'storageClassName: fast']],
    field: 'spec.storageClassName',
  },
  {
    title: 'the access modes of a PersistentVolumeClaim',
    yaml: CLAIM,
    edit: [['ReadWriteOnce', 'ReadWriteMany']],
    field: 'spec.accessModes[0]',
  },
  {
    title: 'the size of a PersistentVolumeClaim that is not bound',
    yaml: CLAIM,
    edit: [['5Gi', '4Gi']],
    field: 'spec.resources.requests.storage',
  },
  {
    title: 'the source of a PersistentVolume',
    yaml: cluster(
      'apiVersion: v1\nkind: PersistentVolume',
      'spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], storageClassName: none, hostPath: {path: /tmp/a}}',
    ),
    edit: [['/tmp/a', '/tmp/b']],
    field: 'spec.hostPath.path',
  },
  {
    title: 'the environment of a Pod',
    yaml: local(
      'apiVersion: v1\nkind: Pod',
      'spec: {containers: [{name: app, image: "example.org/app:1", env: [{name: A, value: a}]}]}',
    ),
    edit: [['value: a', 'value: b']],
    field: 'spec.containers[name="app"].env[name="A"].value',
    beside: ['spec.volumes', 'spec.containers.volumeMounts'],
  },
  {
    title: 'the address of a Service',
    yaml: (on) => shop(on, 'Service/web').replace('spec:', 'spec:\n  clusterIP: None'),
    edit: [['clusterIP: None', 'clusterIP: 127.10.1.7']],
    field: 'spec.clusterIP',
    beside: ['spec.clusterIPs'],
  },
  {
    title: 'the role of a RoleBinding',
    yaml: (on) => shop(on, 'RoleBinding/web'),
    edit: [['kind: Role, name: web', 'kind: ClusterRole, name: view']],
    field: 'roleRef.kind',
  },
  {
    title: 'the role of a ClusterRoleBinding',
    yaml: cluster(
      `${rbac} ClusterRoleBinding`,
      'roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}',
    ),
    edit: [['name: view', 'name: edit']],
    field: 'roleRef.name',
  },
  {
    title: 'the data of an immutable ConfigMap',
    yaml: local('apiVersion: v1\nkind: ConfigMap', 'immutable: true\ndata: {a: "1", b: "2"}'),
    edit: [['a: "1"', 'a: "3"']],
    field: 'data.a',
  },
  {
    title: 'a ConfigMap that should no longer be immutable',
    yaml: local('apiVersion: v1\nkind: ConfigMap', 'immutable: true\ndata: {a: "1"}'),
    edit: [['immutable: true', 'immutable: false']],
    field: 'immutable',
  },
  {
    title: 'the data of an immutable Secret',
    yaml: local('apiVersion: v1\nkind: Secret', 'immutable: true\ndata: {password: aHVudGVy}'),
    edit: [['aHVudGVy', 'aHVudGVyMg==']],
    field: 'data.password',
  },
  {
    title: 'the type of a Secret',
    yaml: local('apiVersion: v1\nkind: Secret', 'type: example.org/a\ndata: {password: aHVudGVy}'),
    edit: [['example.org/a', 'example.org/b']],
    field: 'type',
  },
  {
    title: 'a parameter of a StorageClass',
    yaml: cluster(
      'apiVersion: storage.k8s.io/v1\nkind: StorageClass',
      'provisioner: example.org/disk\nparameters: {kind: ssd}',
    ),
    edit: [['kind: ssd', 'kind: disk']],
    field: 'parameters.kind',
  },
  {
    title: 'the provisioner of a StorageClass',
    yaml: cluster('apiVersion: storage.k8s.io/v1\nkind: StorageClass', 'provisioner: example.org/disk'),
    edit: [['org/disk', 'org/other']],
    field: 'provisioner',
  },
  {
    title: 'the value of a PriorityClass',
    yaml: cluster('apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass', 'value: 10'),
    edit: [['value: 10', 'value: 11']],
    field: 'value',
  },
  {
    title: 'the handler of a RuntimeClass',
    yaml: cluster('apiVersion: node.k8s.io/v1\nkind: RuntimeClass', 'handler: runc'),
    edit: [['runc', 'kata']],
    field: 'handler',
  },
  {
    title: 'the controller of an IngressClass',
    yaml: cluster(
      'apiVersion: networking.k8s.io/v1\nkind: IngressClass',
      'spec: {controller: example.org/a}',
    ),
    edit: [['org/a', 'org/b']],
    field: 'spec.controller',
  },
  {
    title: 'the address type of an EndpointSlice',
    yaml: local('apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice', 'addressType: IPv4\nendpoints: []'),
    edit: [['IPv4', 'FQDN']],
    field: 'addressType',
  },
  {
    title: 'the scope of a CRD',
    yaml: (on) => crdText(`${on.namespace}.example.org`),
    edit: [['scope: Namespaced', 'scope: Cluster']],
    field: 'spec.scope',
  },
];

for (const { title, yaml, edit, field, beside = [] } of REFUSED) {
  test.serial(`replace: ${title}`, async (t) => {
    const on = await stage(t);
    const first = (typeof yaml === 'string' ? yaml : yaml(on)).replaceAll('LABEL', on.namespace);
    const wanted = edit.reduce((text, [from, to]) => text.replace(from, to), first);
    t.not(wanted, first);
    await on.apply(first);
    t.teardown(
      async () => void (await on.kubectl(['delete', '--wait=false', '--ignore-not-found', '-f', '-'], first)),
    );
    const change = await on.planOne(wanted);
    t.like(change, { action: 'replace', reason: 'ImmutableField' }, change.message);
    t.is(change.message, `${field} can't be changed: the object has to be deleted and created again`);
    t.true(change.fields?.some(({ path }) => path === field));
    await t.throwsAsync(on.apply(wanted), undefined, 'an apply is refused');
    const before = await on.live(change.id);
    await on.kubectl(['delete', '--cascade=background', '-f', '-'], first);
    await on.apply(wanted);
    trueAfter(on, change, before, await on.live(change.id), [...NEW, ...beside]);
  });
}

test.serial('replace: a bound PersistentVolumeClaim that should shrink', async (t) => {
  const on = await stage(t);
  const wanted = (size: string): string => CLAIM(on).replace('5Gi', size).replace('none', on.namespace);
  const volume = `
apiVersion: v1
kind: PersistentVolume
metadata: {name: ${on.namespace}}
spec: {capacity: {storage: 5Gi}, accessModes: [ReadWriteOnce], storageClassName: ${on.namespace}, hostPath: {path: /tmp}}
`;
  t.teardown(async () => void (await on.kubectl(`delete pv ${on.namespace} --wait=false`)));
  await on.apply(volume);
  await on.apply(wanted('5Gi'));
  await on.kubectl('wait --for=jsonpath={.status.phase}=Bound pvc/uploads --timeout=60s');
  const change = await on.planOne(wanted('4Gi'));
  t.deepEqual(told([change]), {
    'PersistentVolumeClaim/uploads': ['replace: ImmutableField', 'spec.resources.requests.storage'],
  });
  // Whether a volume may grow is said by an admission plugin, which looks at its class.
  t.is((await on.planOne(wanted('6Gi'))).action, 'unknown');
});
