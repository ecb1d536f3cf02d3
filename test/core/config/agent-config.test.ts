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
  ['default_namespace: ""', {}],
  ['default_namespace: !!str 42', { defaultNamespace: '42' }],
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
  [
    '{id: ""}',
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

test('no file, an empty one and one without entries configure nothing', (t) => {
  const nothing = { entries: [], logging: { level: 'info', grpcLevel: 'error' } };
  const missing = parseAgentConfig(undefined, CONTEXT);
  t.deepEqual(missing.config, nothing);
  t.deepEqual(missing.notices, ['there is no config.yaml: the agent has nothing to apply']);
  for (const text of [
    '',
    '# nothing yet\n',
    '---\n',
    'null',
    '{}',
    'gitops:\n',
    'gitops: {manifest_projects: }',
  ]) {
    const { config, notices } = read(text);
    t.deepEqual([config, notices], [nothing, []], text);
  }
});

test("sections of GitLab's own agent are left alone, with one notice", (t) => {
  const text =
    'ci_access: {projects: [{id: a/b, anything: [1, *x]}]}\nuser_access: x\nflux: []\ncilium:\ngitops: {}\n' +
    'observability: {logging: {level: debug, grpc_level: warn}, google_profiler: {enabled: true}}\n';
  const { config, problems, notices } = read(text.replace('*x', '2'));
  t.deepEqual(problems, []);
  t.deepEqual(config!.logging, { level: 'debug', grpcLevel: 'warn' });
  t.deepEqual(notices, [
    "config.yaml: left alone, for it belongs to GitLab's own agent: ci_access, user_access, flux, observability.google_profiler",
  ]);
});

test('every problem is reported, in the order of the file', (t) => {
  const { problems } = read(
    'gitops:\n  manifest_projects:\n  - id: a/b\n    depends_on: [none]\n    prune: x\n    interval: 1s\nflu: {}\n',
  );
  t.deepEqual(
    problems.map(({ line, column }) => [line, column]),
    [
      [4, 18],
      [5, 12],
      [6, 15],
      [7, 1],
    ],
  );
});

test('anchors, aliases and merges', (t) => {
  const { config, problems } = read(`gitops:
  manifest_projects:
  - &base
    id: shop/web
    name: web
    prune: false
    paths: &paths [{glob: a.yaml}]
  - <<: *base
    name: api
    prune: true
  - prune: true
    <<: [{id: shop/over}, *base]
    name: over
    paths: *paths
`);
  t.deepEqual(problems, []);
  t.deepEqual(
    config!.entries.map(({ name, prune, paths, repository }) => [
      name,
      prune,
      paths,
      'project' in repository && repository.project,
    ]),
    [
      ['web', false, ['a.yaml'], 'shop/web'],
      ['api', true, ['a.yaml'], 'shop/web'],
      // As in kubectl, what is merged in below a key overrides it.
      ['over', false, ['a.yaml'], 'shop/over'],
    ],
  );
});

test('files that are made to hurt', (t) => {
  const bomb = `gitops:\n  manifest_projects:\n  - &e {name: a, paths: &p [${Array.from({ length: 100 }, (_, index) => `{glob: f${index}}`)}]}\n${'  - *e\n'.repeat(20_000)}`;
  const hurts: [text: string | Uint8Array, message: RegExp][] = [
    [bomb.slice(0, 128 * 1024), /stand for too much|both called a/],
    ['gitops: &a [*a]\n', /gitops is a map, not a list/],
    ['gitops: &a\n  <<: *a\n', /merges a map/],
    [`gitops: ${'['.repeat(60_000)}`, /nested too deeply/],
    [`${'? '.repeat(60_000)}`, /nested too deeply/],
    ['x'.repeat(128 * 1024 + 1), /has 131073 bytes, and 131072 are allowed/],
    [Buffer.from('gitops: \xff', 'latin1'), /not UTF-8/],
    [Buffer.from('gitops: {}', 'utf16le'), /control character U\+0000/],
    [`${'a'.repeat(1000)}: 1`, /unknown key "a{60}…"/],
    ['__proto__: {gitops: {}}\n', /unknown key "__proto__"/],
    ['gitops: {manifest_projects: [{constructor: 1}]}\n', /unknown key "constructor"/],
  ];
  for (const [text, message] of hurts) {
    const started = performance.now();
    const { config, problems } = parseAgentConfig(Buffer.from(text), CONTEXT);
    t.is(config, undefined);
    t.regex(problems[0]!.message, message);
    t.true(problems[0]!.line! >= 1 && problems[0]!.column! >= 1);
    t.true(performance.now() - started < 10_000, String(message));
  }
  t.is(parseAgentConfig(Buffer.from('gitops: {}'), { ...CONTEXT, maxBytes: 5 }).problems.length, 1);
});

test('a password in a URL is not repeated', (t) => {
  const { problems } = read('gitops: {manifest_projects: [{url: "https://me:hunter2@example.com/a.git"}]}');
  t.is(problems.length, 1);
  t.notRegex(JSON.stringify(problems), /hunter2/);
});

test('what turns out later has its place too', (t) => {
  const { problemAt } = read('gitops:\n  manifest_projects:\n  - name: shop\n    id: 42\n');
  t.deepEqual(problemAt('shop', 'id', 'no'), {
    code: 'Config',
    message: 'no',
    file: 'config.yaml',
    line: 4,
    column: 9,
  });
  t.like(problemAt('shop', 'ref', 'no', 'so'), { line: 3, column: 5, hint: 'so' });
  t.like(problemAt('other', undefined, 'no'), { line: 1, column: 1 });
});
