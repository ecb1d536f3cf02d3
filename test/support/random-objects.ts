import type { Json, JsonObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/object.ts';
import type { Random } from './random.ts';

/** What happens to an applied object before it is planned again. */
export interface Edit {
  title: string;
  /** The manifest as it is wanted now. */
  desired: KubeObject;
  /** A merge patch by somebody else, and under which name. */
  patch?: JsonObject;
  manager: string;
}

const WORDS = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'];
const QUANTITIES = ['100m', '0.1', '1', '1000m', '512Mi', '0.5Gi', '2e3', '1Gi'];

/** A valid object of one of several kinds, with odd but legal content. */
export function randomObject(random: Random, name: string, namespace: string): KubeObject {
  const metadata = {
    name,
    namespace,
    ...(random.chance(0.7) && { labels: words(random) }),
    ...(random.chance(0.4) && { annotations: words(random) }),
  };
  return { ...random.pick(KINDS)(random), metadata } as unknown as KubeObject;
}

const KINDS: ((random: Random) => object)[] = [
  (random) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    ...(random.chance(0.9) && { data: words(random) }),
    ...(random.chance(0.2) && { binaryData: { blob: 'AAEC' } }),
  }),
  (random) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    data: { key: Buffer.from(random.pick(WORDS)).toString('base64') },
  }),
  (random) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    ...(random.chance(0.5) && { automountServiceAccountToken: random.chance(0.5) }),
    ...(random.chance(0.5) && { imagePullSecrets: random.some(WORDS).map((name) => ({ name })) }),
  }),
  (random) => ({
    apiVersion: 'v1',
    kind: 'Service',
    spec: {
      selector: words(random),
      ports: ports(random, 'port'),
      ...(random.chance(0.3) && { type: random.pick(['ClusterIP', 'NodePort']) }),
    },
  }),
  (random) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    spec: {
      ...(random.chance(0.7) && { replicas: 0 }),
      ...(random.chance(0.3) && {
        strategy: random.pick([
          { type: 'Recreate' },
          { type: 'RollingUpdate', rollingUpdate: { maxSurge: random.pick<Json>([1, '25%']) } },
        ]),
      }),
      ...workload(random),
    },
  }),
  (random) => ({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    spec: {
      serviceName: 'x',
      replicas: 0,
      ...workload(random),
      ...(random.chance(0.5) && {
        volumeClaimTemplates: [
          {
            metadata: { name: 'claim' },
            spec: {
              accessModes: ['ReadWriteOnce'],
              resources: { requests: { storage: random.pick(QUANTITIES) } },
            },
          },
        ],
      }),
    },
  }),
  (random) => ({ apiVersion: 'apps/v1', kind: 'DaemonSet', spec: workload(random) }),
  (random) => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    spec: {
      schedule: '0 0 1 1 *',
      suspend: true,
      jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', ...podSpec(random) } } } },
    },
  }),
  (random) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    spec: {
      podSelector: random.chance(0.5) ? {} : { matchLabels: words(random) },
      policyTypes: ['Ingress'],
      ingress: [
        {
          ports: ports(random, 'port', false),
          ...(random.chance(0.5) && { from: [{ podSelector: { matchLabels: words(random) } }] }),
        },
      ],
    },
  }),
  (random) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    spec: {
      rules: [
        {
          host: 'a.example.org',
          http: {
            paths: [
              { path: '/', pathType: 'Prefix', backend: { service: { name: 'x', port: { number: 80 } } } },
            ],
          },
        },
      ],
      ...(random.chance(0.4) && { tls: [{ hosts: ['a.example.org'], secretName: 's' }] }),
    },
  }),
  (random) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    rules: random.chance(0.2)
      ? []
      : [
          {
            apiGroups: [''],
            resources: random.some(['pods', 'services', 'secrets'], 0.7).concat('configmaps'),
            verbs: random.shuffle(['get', 'list']),
          },
        ],
  }),
  (random) => ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' },
      maxReplicas: 3,
      metrics: random.shuffle(['cpu', 'memory']).map((name) => ({
        type: 'Resource',
        resource: { name, target: { type: 'Utilization', averageUtilization: 50 } },
      })),
    },
  }),
  (random) => ({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    spec: {
      hard: {
        pods: random.pick<Json>(['100', 100]),
        'limits.memory': random.pick(['1000Gi', '1024Gi', '1Ti']),
      },
    },
  }),
  widget,
  widget,
];

function widget(random: Random): object {
  const spec = {
    ...(random.chance(0.5) && { size: random.pick<Json>([1, 7, 4611686018427387904n]) }),
    ...(random.chance(0.3) && { mode: 'slow' }),
    ...(random.chance(0.7) && { ports: ports(random, 'port', false) }),
    ...(random.chance(0.7) && { tags: random.shuffle(random.some(WORDS)) }),
    ...(random.chance(0.5) && {
      steps: random.some(WORDS).map((run) => ({ run, ...(random.chance(0.5) && { retries: 3 }) })),
    }),
    ...(random.chance(0.5) && { whole: words(random) }),
    ...(random.chance(0.5) && { free: { list: [1, { deep: {} }], nothing: {}, text: '' } }),
  };
  return { apiVersion: 'proof.example.org/v1', kind: 'Widget', spec };
}

function workload(random: Random): object {
  return {
    selector: { matchLabels: { app: 'x' } },
    template: { metadata: { labels: { app: 'x', ...words(random) } }, spec: podSpec(random) },
  };
}

function podSpec(random: Random): object {
  const containers = ['main', ...random.some(['side', 'proxy'], 0.4)].map((name) => ({
    name,
    image: `example.org/${random.pick(WORDS)}:1`,
    ...(random.chance(0.6) && {
      env: random.shuffle(random.some(WORDS)).map((key) => ({ name: key, ...env(random) })),
    }),
    ...(random.chance(0.6) && { ports: ports(random, 'containerPort') }),
    ...(random.chance(0.5) && {
      resources: random.chance(0.3)
        ? {}
        : { requests: { cpu: random.pick(QUANTITIES), memory: random.pick(['512Mi', '0.5Gi', '1Gi']) } },
    }),
    ...(random.chance(0.3) && { args: random.shuffle(WORDS) }),
    ...(random.chance(0.3) && {
      securityContext: random.chance(0.5) ? {} : { capabilities: { drop: ['ALL'] } },
    }),
    ...(random.chance(0.4) && { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] }),
  }));
  return {
    containers,
    volumes: [
      { name: 'scratch', emptyDir: random.chance(0.7) ? {} : { sizeLimit: random.pick(['1Gi', '1024Mi']) } },
    ],
    ...(random.chance(0.3) && { tolerations: [{ key: 'a', operator: 'Exists' }] }),
    ...(random.chance(0.3) && { securityContext: {} }),
    ...(random.chance(0.2) && { hostAliases: [{ ip: '127.0.0.1', hostnames: ['a', 'b'] }] }),
    ...(random.chance(0.2) && { nodeSelector: words(random) }),
  };
}

function env(random: Random): object {
  return random.pick<object>([
    { value: random.pick(['', 'x', 'yes']) },
    { valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    {},
  ]);
}

function ports(random: Random, key: string, named = true): object[] {
  const numbers = random.some([53, 80, 443], 0.6).concat(8080);
  return numbers.map((port, index) => ({
    [key]: port,
    ...protocol(random, port),
    ...(named && { name: `p${index}` }),
  }));
}

function protocol(random: Random, port: number): object {
  if (port === 53) return { protocol: 'UDP' };
  return random.chance(0.4) ? { protocol: 'TCP' } : {};
}

function words(random: Random): object {
  return Object.fromEntries(
    random
      .some(WORDS, 0.4)
      .concat('omega')
      .map((word) => [word, random.pick(['1', 'true', '', 'text'])]),
  );
}

/** One of: nothing, a change of the manifest, a change of the live object by another manager, both. */
export function randomEdit(random: Random, applied: KubeObject): Edit {
  const edit: Edit = {
    title: 'nothing',
    desired: structuredClone(applied),
    manager: random.pick(['kubectl-edit', 'controller', 'helm']),
  };
  const kind = random.int(6);
  if (kind === 1 || kind === 5) {
    edit.title = 'the manifest changes';
    changeSomewhere(random, edit.desired as unknown as JsonObject);
  }
  if (kind === 2) {
    edit.title = 'lists of the manifest are reordered';
    reorder(random, edit.desired);
  }
  if (kind === 3 || kind === 5) {
    edit.title += ', somebody adds metadata';
    edit.patch = {
      metadata: {
        annotations: { 'example.org/theirs': random.pick(WORDS) },
        labels: { omega: random.pick(['1', 'theirs']) },
      },
    };
  }
  if (kind === 4) {
    edit.title = 'somebody takes labels away';
    edit.patch = {
      metadata: {
        labels: Object.fromEntries(
          Object.keys((applied.metadata.labels ?? { none: '' }) as JsonObject).map((key) => [key, null]),
        ),
      },
    };
  }
  return edit;
}

const FIXED = new Set([
  'apiVersion',
  'kind',
  'name',
  'namespace',
  'selector',
  'type',
  'image',
  'restartPolicy',
]);

function changeSomewhere(random: Random, node: JsonObject): void {
  const keys = Object.keys(node).filter((key) => !FIXED.has(key));
  const key = random.pick(keys);
  if (key === undefined) return;
  const value = node[key]!;
  if (Array.isArray(value) && value.length > 0 && random.chance(0.5)) {
    const item = random.pick(value);
    if (typeof item === 'object' && item !== null && !Array.isArray(item))
      changeSomewhere(random, item as JsonObject);
    else value.pop();
  } else if (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    (key === 'metadata' || random.chance(0.8))
  )
    changeSomewhere(random, value);
  else if (typeof value === 'string') node[key] = random.pick([`${value}x`, '1', '1000m', '']);
  else if (random.chance(0.5)) delete node[key];
}

function reorder(random: Random, node: Json): void {
  if (Array.isArray(node)) {
    node.splice(0, node.length, ...random.shuffle(node));
    for (const item of node) reorder(random, item);
  } else if (typeof node === 'object' && node !== null)
    for (const value of Object.values(node)) reorder(random, value);
}
