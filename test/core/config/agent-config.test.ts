import test from 'ava';
import { parseAgentConfig } from '../../../core/config/agent-config.ts';
import type { ManifestEntry } from '../../../core/model/agent-config.ts';

const CONTEXT = {
  file: 'config.yaml',
  configProject: 'ops/clusters',
  gitlabUrl: 'https://gitlab.example.com/',
};
const read = (text: string) => parseAgentConfig(Buffer.from(text), CONTEXT);

const DEFAULTS: Omit<ManifestEntry, 'name' | 'repository'> = {
  paths: [],
  kustomize: false,
  defaultNamespace: 'default',
  reconcileTimeoutMs: 3_600_000,
  dryRunStrategy: 'none',
  prune: true,
  pruneTimeoutMs: 3_600_000,
  prunePropagationPolicy: 'foreground',
  pruneKinds: [],
  inventoryPolicy: 'adopt_if_no_inventory',
  resourceInclusions: [],
  resourceExclusions: [],
  conflicts: 'take',
  ignore: [],
  intervalMs: 300_000,
  suspend: false,
  dependsOn: [],
  onRemoval: 'orphan',
};

test('the few lines with which it all began', (t) => {
  const { config, problems, notices } = read('gitops:\n  manifest_projects:\n  - id: "shop/manifests"\n');
  t.deepEqual(problems, []);
  t.deepEqual(notices, []);
  t.deepEqual(config, {
    entries: [
      {
        ...DEFAULTS,
        name: 'manifests-2419c5dd',
        repository: { project: 'shop/manifests', url: 'https://gitlab.example.com/shop/manifests.git' },
      },
    ],
    logging: { level: 'info', grpcLevel: 'error' },
  });
});

// Each field alone in an entry for shop/manifests, with what it makes of the entry.
const FIELDS: [yaml: string, expected: Partial<ManifestEntry>][] = [
  ['name: shop', { name: 'shop' }],
  ['ref: {branch: feature/x}', { ref: { branch: 'feature/x' } }],
  ['ref: {tag: "1.0"}', { ref: { tag: '1.0' } }],
  [`ref: {commit: ${'aB'.repeat(20)}}`, { ref: { commit: 'ab'.repeat(20) } }],
  ['ref:', {}],
  ['paths: [{glob: /a/*.yaml}, {glob: "**/*.{yaml,yml}"}]', { paths: ['a/*.yaml', '**/*.{yaml,yml}'] }],
  ['paths: []', {}],
  [
    'kustomize: yes\n    paths: [{glob: overlays/production}]',
    { kustomize: true, paths: ['overlays/production'] },
  ],
  ['default_namespace: shop', { defaultNamespace: 'shop' }],
  ['defaultNamespace: shop', { defaultNamespace: 'shop' }],
  ['prune: false', { prune: false }],
  ['prune: off', { prune: false }],
  ['prune: ~', {}],
  ['prune_limit: 30', { pruneLimit: { count: 30 } }],
  ['prune_limit: 80%', { pruneLimit: { percent: 80 } }],
  ['prune_kinds: [StatefulSet, Namespace]', { pruneKinds: ['statefulset', 'namespace'] }],
  ['prune_timeout: 600.5s', { pruneTimeoutMs: 600_500 }],
  ['prune_propagation_policy: orphan', { prunePropagationPolicy: 'orphan' }],
  ['reconcile_timeout: "3600s"', { reconcileTimeoutMs: 3_600_000 }],
  ['reconcile_timeout: 1h30m', { reconcileTimeoutMs: 5_400_000 }],
  ['reconcile_timeout: 0s', { reconcileTimeoutMs: null }],
  ['reconcile_timeout: 315576000000s', { reconcileTimeoutMs: null }],
  ['dry_run_strategy: server', { dryRunStrategy: 'server' }],
  ['inventory_policy: must_match', { inventoryPolicy: 'must_match' }],
  ['conflicts: keep', { conflicts: 'keep' }],
  [
    'ignore: [{kind: Deployment, name: web-*, paths: [/spec/replicas], managers: [vpa]}]',
    { ignore: [{ kind: 'Deployment', name: 'web-*', paths: [['spec', 'replicas']], managers: ['vpa'] }] },
  ],
  ['interval: 10s', { intervalMs: 10_000 }],
  ['suspend: true', { suspend: true }],
  ['on_removal: prune', { onRemoval: 'prune' }],
  ['environment: production/eu', { environment: 'production/eu' }],
  [
    "resource_exclusions: [{api_groups: ['*'], kinds: [Secret]}]",
    { resourceExclusions: [{ apiGroups: ['*'], kinds: ['Secret'] }] },
  ],
  [
    "resource_inclusions: [{api_groups: [''], kinds: [Event]}]",
    { resourceInclusions: [{ apiGroups: [''], kinds: ['Event'] }] },
  ],
];
for (const [yaml, expected] of FIELDS) {
  test(`a field: ${yaml}`, (t) => {
    const { config, problems } = read(`gitops:\n  manifest_projects:\n  - id: shop/manifests\n    ${yaml}\n`);
    t.deepEqual(problems, []);
    const entry = config!.entries[0]!;
    t.deepEqual(entry, { ...DEFAULTS, name: entry.name, repository: entry.repository, ...expected });
  });
}

const REPOSITORIES: [yaml: string, name: string, repository: ManifestEntry['repository']][] = [
  [
    '{}',
    'clusters-6d653003',
    { project: 'ops/clusters', url: 'https://gitlab.example.com/ops/clusters.git' },
  ],
  ['{id: 42}', 'project-42', { projectId: 42 }],
  ['{id: "42"}', 'project-42', { projectId: 42 }],
  [
    '{url: "https://git.example.com/a/App.git"}',
    'app-9baabdbb',
    { url: 'https://git.example.com/a/App.git' },
  ],
];
for (const [yaml, name, repository] of REPOSITORIES) {
  test(`a repository: ${yaml}`, (t) => {
    const { config, problems } = read(`gitops: {manifest_projects: [${yaml}]}`);
    t.deepEqual(problems, []);
    t.like(config!.entries[0], { name, repository });
  });
}
