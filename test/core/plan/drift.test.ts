import test from 'ava';
import { countRequests, recordRequests } from '../../support/control-plane/audit.ts';
import { held, stage, told } from '../../support/plan.ts';
import { type Edit, expected, jsonPatch, make, patch, shop } from '../../support/shop.ts';

// Workloads have a table of their own, in drift-workloads.test.ts.
const EDITS: Edit[] = [
  {
    title: 'changed, removed and added keys of a ConfigMap',
    object: 'ConfigMap/web',
    run: [
      patch('cm/web', {
        data: { LOG_LEVEL: 'debug', 'nginx.conf': null, extra: 'x' },
        binaryData: { 'logo.png': 'AAAA' },
      }),
    ],
    fields: ['binaryData["logo.png"]', 'data.LOG_LEVEL', 'data["nginx.conf"]'],
  },
  {
    title: 'a ConfigMap whose data is gone altogether',
    object: 'ConfigMap/web',
    run: [jsonPatch('cm/web', { op: 'remove', path: '/data' }, { op: 'remove', path: '/metadata/labels' })],
    fields: ['data.LOG_LEVEL', 'data["nginx.conf"]', 'metadata.labels.app', 'metadata.labels.tier'],
  },
  {
    title: 'a port of a Service renamed and another removed',
    object: 'Service/web',
    run: [
      jsonPatch(
        'svc/web',
        { op: 'replace', path: '/spec/ports/0/name', value: 'web' },
        { op: 'remove', path: '/spec/ports/1' },
      ),
    ],
    fields: ['spec.ports[port=80,protocol="TCP"].name', 'spec.ports[port=53,protocol="UDP"]'],
  },
  {
    title: 'a port of a Service moved to another number under its old name',
    object: 'Service/web',
    run: [jsonPatch('svc/web', { op: 'replace', path: '/spec/ports/2/targetPort', value: 53 })],
    fields: ['spec.ports[port=53,protocol="TCP"].targetPort'],
  },
  {
    title: 'a Service with a port, a type and a selector beside ours',
    object: 'Service/web',
    run: [
      patch('svc/web', {
        spec: {
          type: 'NodePort',
          sessionAffinity: 'ClientIP',
          ports: [{ name: 'admin', port: 9000, targetPort: 9000 }],
        },
      }),
    ],
    fields: [],
  },
  {
    title: 'a selector of a Service, which is one atomic map',
    object: 'Service/web',
    run: [patch('svc/web', { spec: { selector: { canary: 'yes', tier: 'back' } } })],
    fields: ['spec.selector.canary', 'spec.selector.tier'],
  },
  {
    title: 'another host and path of an Ingress, which are one atomic list',
    object: 'Ingress/web',
    run: [
      jsonPatch(
        'ingress/web',
        { op: 'replace', path: '/spec/rules/0/host', value: 'evil.example.org' },
        {
          op: 'add',
          path: '/spec/rules/0/http/paths/-',
          value: { path: '/b', pathType: 'Exact', backend: { service: { name: 'b', port: { number: 1 } } } },
        },
      ),
      'annotate ingress/web --overwrite nginx.ingress.kubernetes.io/proxy-body-size=1g',
    ],
    fields: [
      'metadata.annotations["nginx.ingress.kubernetes.io/proxy-body-size"]',
      'spec.rules[0].host',
      'spec.rules[0].http.paths[1]',
    ],
  },
  {
    title: 'a NetworkPolicy that was opened',
    object: 'NetworkPolicy/db',
    run: [jsonPatch('netpol/db', { op: 'add', path: '/spec/ingress/-', value: {} })],
    fields: ['spec.ingress[1]'],
  },
  {
    title: 'another maximum and metric of an autoscaler',
    object: 'HorizontalPodAutoscaler/db',
    run: [
      jsonPatch(
        'hpa/db',
        { op: 'replace', path: '/spec/maxReplicas', value: 9 },
        { op: 'replace', path: '/spec/metrics/1/resource/target/averageUtilization', value: 99 },
      ),
    ],
    fields: ['spec.maxReplicas', 'spec.metrics[1].resource.target.averageUtilization'],
  },
  {
    title: 'a percentage that became a number',
    object: 'PodDisruptionBudget/web',
    run: [patch('pdb/web', { spec: { minAvailable: 1 } }, 'merge')],
    fields: ['spec.minAvailable'],
  },
  {
    title: 'verbs added to a Role',
    object: 'Role/web',
    run: [
      jsonPatch('role/web', { op: 'add', path: '/rules/0/verbs/-', value: '*' }),
      jsonPatch('role/web', {
        op: 'add',
        path: '/rules/-',
        value: { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
      }),
    ],
    fields: ['rules[0].verbs[2]', 'rules[1]'],
  },
  {
    title: 'a subject added to a RoleBinding',
    object: 'RoleBinding/web',
    run: [
      jsonPatch('rolebinding/web', {
        op: 'add',
        path: '/subjects/-',
        value: { kind: 'User', name: 'eve', apiGroup: 'rbac.authorization.k8s.io' },
      }),
    ],
    fields: ['subjects[1]'],
  },
  {
    title: 'pull secrets of a ServiceAccount, which are one atomic list',
    object: 'ServiceAccount/web',
    run: [
      patch('sa/web', {
        imagePullSecrets: [{ name: 'other' }],
        automountServiceAccountToken: false,
        metadata: { labels: { app: 'x' } },
      }),
    ],
    fields: ['imagePullSecrets[0].name', 'metadata.labels.app'],
  },
  {
    title: 'another limit and one more in a ResourceQuota',
    object: 'ResourceQuota/limits',
    run: [
      patch('quota/limits', { spec: { hard: { pods: '500', services: '5', 'requests.cpu': '20000m' } } }),
    ],
    fields: ['spec.hard.pods'],
  },
  {
    title: 'labels of a PersistentVolumeClaim',
    object: 'PersistentVolumeClaim/uploads',
    run: ['label pvc/uploads app- size=small'],
    fields: ['metadata.labels.app'],
  },
  {
    title: 'a rule added to a ClusterRole',
    object: 'ClusterRole/PREFIX-pods',
    run: [jsonPatch('clusterrole/PREFIX-pods', { op: 'add', path: '/rules/0/verbs/-', value: 'delete' })],
    fields: ['rules[0].verbs[2]'],
  },
  {
    title: 'the rules that the control plane gives an aggregated ClusterRole',
    object: 'ClusterRole/PREFIX-monitoring',
    apply: {
      manager: 'clusterrole-aggregation-controller',
      yaml: 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: PREFIX-monitoring}\nrules: [{apiGroups: [""], resources: [pods], verbs: [get]}]',
    },
    fields: [],
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

test.serial(
  'a whole set is proven unchanged without a dry run, and after edits only the edited is asked about',
  async (t) => {
    const on = await stage(t);
    const yaml = shop(on);
    const creates = await held(on, yaml);
    t.true(creates.every(({ action }) => action === 'create'));

    const dryRuns = async (run: () => Promise<unknown>): Promise<string[]> => {
      const entries = await recordRequests(on.endpoint, run);
      const ours = entries.filter(
        ({ namespace, name, userAgent }) =>
          /kubectl-gitlab-agent/.test(userAgent) &&
          (namespace === on.namespace || name.startsWith(on.namespace)),
      );
      t.is(
        countRequests(ours, { dryRun: false, verb: /create|update|patch|delete/ }),
        0,
        'a plan writes nothing',
      );
      return ours
        .filter(({ dryRun }) => dryRun)
        .map(({ resource, name }) => `${resource}/${name}`)
        .sort();
    };
    // Claim templates are owned as a whole, and hold defaults.
    const unproven = ['statefulsets/db'];
    t.deepEqual(await dryRuns(async () => t.deepEqual(told(await on.plan(yaml)), {})), unproven);
    t.is(
      (await dryRuns(() => on.plan(yaml, { full: true }))).length,
      creates.length,
      '`full` asks about each',
    );

    const edits = ['ConfigMap/web', 'Service/web', 'RoleBinding/web', 'HorizontalPodAutoscaler/db'].map(
      (object) => EDITS.find((edit) => edit.object === object)!,
    );
    for (const edit of edits) await make(on, edit);
    const edited = ['configmaps/web', 'horizontalpodautoscalers/db', 'rolebindings/web', 'services/web'];
    t.deepEqual(await dryRuns(() => on.plan(yaml)), [...edited, ...unproven].sort());
    t.deepEqual(told(await held(on, yaml)), expected(on, ...edits));
  },
);
