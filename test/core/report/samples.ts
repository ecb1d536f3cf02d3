import type { Json } from '../../../core/model/json.ts';
import type { ObjectId } from '../../../core/model/object.ts';
import type { Action, Change } from '../../../core/model/plan.ts';

export function id(kind: string, name: string, group = '', namespace: string | undefined = 'shop'): ObjectId {
  return { group, version: 'v1', kind, ...(namespace ? { namespace } : {}), name };
}

export function change(action: Action, before: Json | undefined, after: Json | undefined): Change {
  return {
    id: id('ConfigMap', 'sample'),
    action,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}

export function numbered(count: number, prefix: string): string {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}\n`).join('');
}

function deployment(replicas: number, image: string, level: string): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop', labels: { 'app.kubernetes.io/name': 'web', tier: 'yes' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            {
              name: 'app',
              image,
              args: ['--config', '/etc/web/app.yaml'],
              env: [
                { name: 'DEBUG', value: 'off' },
                { name: 'LOG_LEVEL', value: level },
                { name: 'PORT', value: '8080' },
                { name: 'REGION', value: 'eu-west-1' },
                { name: 'ZONE', value: 'a' },
              ],
              ports: [{ containerPort: 8080, name: 'http' }],
              resources: {
                limits: { cpu: '1', memory: '512Mi' },
                requests: { cpu: '100m', memory: '256Mi' },
              },
            },
            { name: 'proxy', image: 'registry.example.com/proxy:2.1', ports: [{ containerPort: 9901 }] },
          ],
        },
      },
    },
  };
}

const CONFIG = [
  'server:',
  '  port: 8080',
  '  timeout: 30s',
  'features:',
  '  search: true',
  '  cart: true',
  'log:',
  '',
];

/** All actions once, and what makes reports hard: long texts, wide lines, marks, takeovers, hostile names. */
export const SAMPLES: Change[] = [
  {
    id: id('Namespace', 'shop', '', ''),
    action: 'unchanged',
    source: { file: 'k8s/namespace.yaml', line: 1 },
  },
  {
    id: id('Deployment', 'web', 'apps'),
    action: 'update',
    source: { file: 'k8s/web.yaml', line: 3 },
    before: deployment(2, 'registry.example.com/web:1.4.0', 'info'),
    after: deployment(3, 'registry.example.com/web:1.5.0', 'debug'),
    fields: [
      { path: 'spec.replicas', before: 2, after: 3 },
      {
        path: 'spec.template.spec.containers[name="app"].image',
        before: 'registry.example.com/web:1.4.0',
        after: 'registry.example.com/web:1.5.0',
      },
      {
        path: 'spec.template.spec.containers[name="app"].env[name="LOG_LEVEL"].value',
        before: 'info',
        after: 'debug',
      },
    ],
    conflicts: [
      { path: 'spec.replicas', manager: 'kubectl-edit' },
      { path: 'spec.template.spec.containers[name="app"].image', manager: 'kubectl-set' },
      {
        path: 'spec.template.spec.containers[name="app"].env[name="LOG_LEVEL"].value',
        manager: 'kubectl-edit',
      },
    ],
  },
  {
    id: id('ConfigMap', 'web'),
    action: 'update',
    source: { file: 'k8s/web.yaml', line: 58 },
    before: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'web', namespace: 'shop' },
      data: {
        'app.yaml': CONFIG.join('\n'),
        'allow.txt': numbered(4812, 'host-'),
        'dashboard.json': `{"panels":[${'{"id":1},'.repeat(20_000)}{"id":2}]}`,
        'windows.ini': '[web]\r\nport=80\r\n',
        note: 'plain',
      },
    },
    after: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'web', namespace: 'shop' },
      data: {
        'app.yaml': CONFIG.join('\n').replace('30s', '10s').replace('  cart: true\n', ''),
        'allow.txt': numbered(4950, 'node-'),
        'dashboard.json': `{"panels":[${'{"id":1},'.repeat(12_000)}{"id":7},${'{"id":1},'.repeat(8_000)}{"id":2}]}`,
        'windows.ini': '[web]\r\nport=8080\r\n',
        note: 'plain ',
      },
    },
    fields: [
      { path: 'data["app.yaml"]', before: CONFIG.join('\n'), after: CONFIG.join('\n').replace('30s', '10s') },
      { path: 'data.note', before: 'plain', after: 'plain ' },
    ],
  },
  {
    id: id('Secret', 'web'),
    action: 'update',
    source: { file: 'k8s/secret.yaml', line: 1 },
    before: {
      apiVersion: 'v1',
      kind: 'Secret',
      data: { password: '(changed, before)', user: '(unchanged)' },
    },
    after: { apiVersion: 'v1', kind: 'Secret', data: { password: '(changed, after)', user: '(unchanged)' } },
    fields: [{ path: 'data.password', before: '(changed, before)', after: '(changed, after)' }],
  },
  {
    id: id('StatefulSet', 'db', 'apps'),
    action: 'replace',
    reason: 'ImmutableField',
    message: 'spec.serviceName of a StatefulSet cannot change',
    source: { file: 'k8s/db.yaml', line: 12 },
    before: { apiVersion: 'apps/v1', kind: 'StatefulSet', spec: { serviceName: 'db' } },
    after: { apiVersion: 'apps/v1', kind: 'StatefulSet', spec: { serviceName: 'db-headless' } },
    fields: [{ path: 'spec.serviceName', before: 'db', after: 'db-headless' }],
  },
  {
    id: id('Widget', 'first', 'example.com'),
    action: 'create',
    verified: false,
    message: 'its kind is defined by crd.yaml of the same set',
    source: { file: 'k8s/widget.yaml', line: 1 },
    after: {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'first', namespace: 'shop' },
      spec: {
        mode: '0644',
        answer: 'no',
        size: 9223372036854775807n,
        ratio: 0.5,
        empty: {},
        none: [],
        nothing: null,
      },
    },
  },
  {
    id: id('ConfigMap', 'words'),
    action: 'create',
    source: { file: 'k8s/words.yaml', line: 1 },
    after: { apiVersion: 'v1', kind: 'ConfigMap', data: { 'words.txt': numbered(20_000, 'word ') } },
  },
  {
    id: id('ConfigMap', 'old'),
    action: 'delete',
    before: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'old' }, data: { key: 'value' } },
  },
  {
    id: { group: '', version: 'v1', kind: 'Namespace', name: 'old' },
    action: 'delete',
    reason: 'PruneKind',
    message:
      'held back: a Namespace is only deleted where that is asked for by kind (--prune-kinds Namespace)',
    before: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'old' } },
  },
  {
    id: id('Job', 'migrate', 'batch'),
    action: 'skip',
    reason: 'Hook',
    message: 'hooks are not supported yet',
    source: { file: 'k8s/job.yaml', line: 1 },
  },
  {
    id: id('Deployment', 'worker', 'apps'),
    action: 'unchanged',
    yielded: ['spec.replicas'],
    source: { file: 'k8s/worker.yaml', line: 1 },
  },
  {
    id: id('Service', 'web'),
    action: 'unchanged',
    reason: 'Ownership',
    message: 'the values are right but not recorded as ours; apply writes that once',
    source: { file: 'k8s/web.yaml', line: 90 },
  },
  {
    id: id('Ingress', 'web', 'networking.k8s.io'),
    action: 'update',
    source: { file: 'k8s/ingress.yaml', line: 1 },
    yielded: ['metadata.annotations["acme.example.com/issued"]'],
    before: {
      spec: {
        rules: [
          { host: 'a.example.com', http: { paths: [{ path: '/', pathType: 'Prefix' }] } },
          { host: 'b.example.com', http: { paths: [{ path: '/', pathType: 'Prefix' }] } },
        ],
      },
    },
    after: {
      spec: {
        rules: [
          { host: 'a.example.com', http: { paths: [{ path: '/shop', pathType: 'Prefix' }] } },
          { host: 'b.example.com', http: { paths: [{ path: '/', pathType: 'Prefix' }] } },
        ],
        tls: [{ hosts: ['a.example.com'] }],
      },
    },
  },
  {
    id: id('ClusterRole', 'reader', 'rbac.authorization.k8s.io', ''),
    action: 'unknown',
    reason: 'Forbidden',
    message:
      'user "ci" cannot get resource "clusterroles" in API group "rbac.authorization.k8s.io" at the cluster scope; ask for get, list and patch',
    source: { file: 'k8s/rbac.yaml', line: 1 },
  },
  {
    id: id('ConfigMap', 'x`|</details>\u001b[2J@all\u202e', ''),
    action: 'create',
    source: { file: 'k8s/<b>|evil`.yaml', line: 1 },
    message: 'see #1 and !2 at https://evil.example.com\n/merge',
    after: {
      data: { a: '```\n</details>\n/merge @all\n', '/close': '[x](https://evil.example.com) \u001b[31m' },
    },
  },
];
