import type { Random } from '../test/support/random.ts';

/** Where objects of a kind live below the API server's root. */
export interface Resource {
  apiVersion: string;
  kind: string;
  plural: string;
}

export type Body = { [key: string]: unknown };

/** How a kind's objects look, and what a commit typically changes in one. */
interface Template extends Resource {
  /** Out of 100 objects. */
  share: number;
  body(name: string, random: Random): Body;
  change(body: Body, random: Random): void;
}

const NAMES = ['api', 'web', 'cart', 'search', 'mail', 'billing', 'queue', 'report', 'gateway', 'ledger'];
const LEVELS = ['debug', 'info', 'warn', 'error'];

// Shares and sizes follow what repositories of real applications hold: mostly workloads and their configuration.
export const KINDS: readonly Template[] = [
  {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments', share: 22 },
    body: deployment,
    change: (body, random) => {
      const { template } = body.spec as { template: PodTemplate };
      const container = template.spec.containers[0]!;
      const edit = random.pick(['env', 'image', 'label']);
      if (edit === 'env') random.pick(container.env).value = 'changed';
      else if (edit === 'image') container.image = container.image.replace(/:.*/, ':9.9.9');
      else template.metadata.labels['example.com/revision'] = 'changed';
    },
  },
  {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps', share: 22 },
    body: (_name, random) => ({
      data: { LOG_LEVEL: random.pick(LEVELS), 'application.yaml': settings(random, 20 + random.int(90)) },
    }),
    change: (body) => {
      const data = body.data as Record<string, string>;
      data['application.yaml'] = data['application.yaml']!.replace('timeout: 30s', 'timeout: 45s');
    },
  },
  {
    ...{ apiVersion: 'v1', kind: 'Service', plural: 'services', share: 14 },
    body: (name) => ({
      spec: {
        selector: selector(name),
        ports: [
          { name: 'http', port: 80, targetPort: 'http' },
          { name: 'metrics', port: 9090, targetPort: 9090, protocol: 'TCP' },
        ],
      },
    }),
    change: (body) => {
      (body.spec as { ports: Body[] }).ports[0]!.targetPort = 'changed';
    },
  },
  {
    ...{ apiVersion: 'v1', kind: 'Secret', plural: 'secrets', share: 13 },
    body: (_name, random) => ({
      type: 'Opaque',
      data: { username: base64('app'), password: secretValue(random), 'tls.key': secretValue(random, 1_200) },
    }),
    change: (body) => {
      (body.data as Body).password = base64('changed');
    },
  },
  {
    ...{ apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', share: 8 },
    body: () => ({ automountServiceAccountToken: false }),
    change: (body) => {
      body.automountServiceAccountToken = true;
    },
  },
  {
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', plural: 'roles', share: 6 },
    body: () => ({
      rules: [
        { apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['get', 'list', 'watch'] },
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
      ],
    }),
    change: (body) => {
      (body.rules as { verbs: string[] }[])[0]!.verbs.push('patch');
    },
  },
  {
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', plural: 'rolebindings', share: 6 },
    body: (name) => ({
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
    }),
    change: (body) => {
      (body.subjects as Body[])[0]!.name = 'changed';
    },
  },
  {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', plural: 'networkpolicies', share: 5 },
    body: (name) => ({
      spec: {
        podSelector: { matchLabels: selector(name) },
        policyTypes: ['Ingress'],
        ingress: [
          {
            from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/part-of': 'shop' } } }],
            ports: [{ port: 8080 }],
          },
        ],
      },
    }),
    change: (body) => {
      (body.spec as { ingress: { ports: Body[] }[] }).ingress[0]!.ports[0]!.port = 8081;
    },
  },
  {
    ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', plural: 'ingresses', share: 4 },
    body: (name) => ({
      spec: {
        rules: [
          {
            host: `${name}.example.com`,
            http: {
              paths: [
                { path: '/', pathType: 'Prefix', backend: { service: { name, port: { name: 'http' } } } },
              ],
            },
          },
        ],
      },
    }),
    change: (body) => {
      (body.spec as { rules: Body[] }).rules[0]!.host = 'changed.example.com';
    },
  },
];

/** A name that is new in its namespace and looks like one a person gave. */
export function objectName(index: number, random: Random): string {
  return `${random.pick(NAMES)}-${String(index).padStart(5, '0')}`;
}

export function selector(name: string): Record<string, string> {
  return { 'app.kubernetes.io/name': name };
}

interface PodTemplate {
  metadata: { labels: Record<string, string> };
  spec: { containers: { image: string; env: { name: string; value: string }[] }[] };
}

function deployment(name: string, random: Random): Body {
  const env = Array.from({ length: 20 }, (_, index) => ({
    name: `${random.pick(NAMES).toUpperCase()}_SETTING_${index}`,
    value: `${random.pick(LEVELS)}-${random.int(1e6)}`,
  }));
  const container = {
    name: 'app',
    image: `registry.example.com/shop/${name}:1.${random.int(40)}.${random.int(10)}`,
    env,
    ports: [{ name: 'http', containerPort: 8080 }],
    resources: {
      requests: { cpu: `${100 * (1 + random.int(9))}m`, memory: `${64 * (1 + random.int(8))}Mi` },
      limits: { memory: '1Gi' },
    },
    readinessProbe: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 10 },
    livenessProbe: { httpGet: { path: '/live', port: 'http' }, initialDelaySeconds: 5 },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
    volumeMounts: [{ name: 'config', mountPath: '/etc/app', readOnly: true }],
  };
  return {
    spec: {
      replicas: random.int(4),
      selector: { matchLabels: selector(name) },
      template: {
        metadata: { labels: { ...selector(name), 'example.com/revision': '1' } },
        spec: {
          serviceAccountName: name,
          containers: [container],
          volumes: [{ name: 'config', configMap: { name } }],
        },
      },
    },
  };
}

/** Lines of settings, about 35 characters each. */
function settings(random: Random, lines: number): string {
  const body = Array.from(
    { length: lines },
    (_, index) => `  ${random.pick(NAMES)}-${index}: ${random.pick(LEVELS)}-${random.int(1e9)}\n`,
  );
  return `server:\n  port: 8080\n  timeout: 30s\nfeatures:\n${body.join('')}`;
}

function secretValue(random: Random, bytes = 24): string {
  return Buffer.from(Array.from({ length: bytes }, () => random.int(256))).toString('base64');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
