import test from 'ava';
import { accessOf, apiRequest } from '../support/cluster.ts';
import { configMap, SHOP, scene } from './scene.ts';

const PARENT = 'configmaps/gitlab-agent.test.shop';
const many = (count: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`${n}.yaml`, configMap(`c${n}`, { n: `${n}` })]),
  );
const none = (files: Record<string, string>): Record<string, null> =>
  Object.fromEntries(Object.keys(files).map((name) => [name, null]));

test.serial(
  'branches, tags and commits, several entries of one project, each with a status of its own',
  async (t) => {
    const entry = (name: string, ref: string) =>
      `  - id: group/shop\n    name: ${name}\n    default_namespace: NS\n    ref: { ${ref} }\n    paths: [{ glob: ${name}.yaml }]\n`;
    const s = await scene(t, entry('none', 'branch: none'));
    const files = Object.fromEntries(
      ['by-branch', 'by-tag', 'by-commit'].map((name) => [`${name}.yaml`, configMap(name, { x: '1' })]),
    );
    const first = await s.shop.commit(files);
    await s.shop.createTag('v1', first, 'an annotated tag');
    await s.shop.commit({}, { branch: 'live', from: first });
    const live = await s.shop.commit(
      { 'by-branch.yaml': configMap('by-branch', { x: '2' }) },
      { branch: 'live' },
    );
    await s.configure(
      [
        entry('by-branch', 'branch: live'),
        entry('by-tag', 'tag: v1'),
        entry('by-commit', `commit: ${first}`),
      ].join(''),
    );
    s.start();
    await s.healthy(live, 'by-branch');
    await s.healthy(first, 'by-tag');
    await s.healthy(first, 'by-commit');
    t.is((await s.get('configmaps/by-branch')).data.x, '2');
    await s.told(live, 'success', 'gitlab-agent/test/by-branch');
    await s.told(first, 'success', 'gitlab-agent/test/by-tag');
    await s.told(first, 'success', 'gitlab-agent/test/by-commit');
    // All of them share one request a poll.
    const polls = () =>
      s.gitlab.requests.filter(({ path }) => /shop\.git\/git-upload-pack/.test(path)).length;
    const [before, from] = [polls(), Date.now()];
    await s.until(() => Date.now() - from > 3_000, 'some polls');
    const asked = polls() - before;
    t.true(asked >= 4 && asked <= 12, `${asked} polls in 3 s at 300 ms`);
  },
);

test.serial('a branch called like an option is refused where it stands', async (t) => {
  const entry = '  - id: group/shop\n    name: evil\n    default_namespace: NS\n';
  const s = await scene(t, `${SHOP}${entry}    ref: { branch: "--upload-pack=touch /tmp/evil" }\n`);
  const commit = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.start();
  const line = await s.agent.said('Config: broken, the last good one stays in force');
  t.is(line.error, '.gitlab/agents/test/config.yaml:9:20: branch is a name that Git does not allow');
  await s.configure(SHOP);
  await s.healthy(commit);
});

test.serial('entries wait for those that they depend on', async (t) => {
  const s = await scene(
    t,
    `${SHOP}    depends_on: [base]\n  - id: group/base\n    name: base\n    default_namespace: NS\n`,
  );
  const base = await s.gitlab.createProject('group/base');
  const broken = await base.commit({ 'manifest.yaml': 'kind: Nothing\n' });
  const shop = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.start();
  await s.told(broken, 'failed', undefined, base);
  const { description } = await s.told(shop, 'pending');
  t.regex(description!, /^waits for (base|its turn)$/);
  t.false(await s.exists('configmaps/a'));
  await base.commit({ 'manifest.yaml': configMap('b', { x: '1' }) });
  await s.healthy(shop);
  t.true(await s.exists('configmaps/b'));
  await s.told(shop, 'success');
});

test.serial('kinds that another entry brings are known as soon as they are there', async (t) => {
  const s = await scene(
    t,
    `${SHOP}    depends_on: [base]\n  - id: group/base\n    name: base\n    default_namespace: NS\n`,
  );
  const group = `${s.namespace}.example.com`;
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
      ],
    },
  };
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  t.teardown(async () => {
    const path = `${definitions}/widgets.${group}`;
    await apiRequest(accessOf(s.endpoint), 'DELETE', path).catch(() => {});
  });
  const base = await s.gitlab.createProject('group/base');
  await base.commit({ 'manifest.yaml': configMap('base', { x: '1' }) });
  const widget = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'first' } };
  const shop = await s.shop.commit({ 'manifest.yaml': JSON.stringify(widget) });
  s.start();
  const { description } = await s.told(shop, 'failed');
  t.regex(description!, /does not serve kind Widget/);
  const more = await base.commit({ 'manifest.yaml': JSON.stringify(crd) });
  await s.healthy(more, 'base');
  await s.annotate({ 'agent.gitlab.com/sync-requested-at': 'now' });
  await s.healthy(shop);
  t.true(await s.exists(`/apis/${group}/v1/namespaces/${s.namespace}/widgets/first`));
  t.is(s.agent.lines.filter(({ msg }) => msg === 'Leading').length, 1);
});

test.serial(
  'what an entry leaves behind: orphan keeps it, prune deletes it, and whoever comes back has it again',
  async (t) => {
    const s = await scene(t, SHOP);
    const commit = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
    s.start();
    await s.healthy(commit);
    const none = '  - id: group/agents\n    name: other\n    suspend: true\n';
    await s.configure(none);
    await s.agent.said('Entry removed', { entry: 'shop' });
    t.true(await s.exists('configmaps/a'));
    const agent = 'configmaps/gitlab-agent.test';
    await s.until(
      async () => /removed:\n {2}shop: .*orphan/.test((await s.get(agent)).data.status),
      'the agent to say so',
    );
    await s.configure(`${SHOP}    on_removal: prune\n`);
    await s.until(async () => !/removed:/.test((await s.get(agent)).data.status), 'it to be back');
    await s.until(
      async () => /onRemoval.*prune/.test((await s.get(PARENT)).data.entry),
      'the entry to be in the parent',
    );
    await s.configure(none);
    await s.until(async () => !(await s.exists(PARENT)), 'the set to be gone');
    t.false(await s.exists('configmaps/a'));
    await s.configure(`${SHOP}    on_removal: prune\n`);
    await s.until(() => s.exists('configmaps/a'), 'all to be back');
  },
);

test.serial('too many deletes wait for a word, which an annotation gives for one commit', async (t) => {
  const s = await scene(t);
  const files = many(24);
  await s.shop.commit({ ...files, 'stay.yaml': configMap('stay', {}) });
  s.start();
  await s.status(({ state }) => state === 'Synced');
  const commit = await s.shop.commit(none(files));
  const held = await s.status(({ reason }) => reason === 'PruneBlocked');
  t.regex(JSON.stringify(held), /prune_limit: 24 .*agent\.gitlab\.com\/prune-allow/);
  t.notRegex(JSON.stringify(held), /--prune/);
  t.true(await s.exists('configmaps/c0'));
  await s.told(commit, 'failed');
  await s.annotate({ 'agent.gitlab.com/prune-allow': commit, 'agent.gitlab.com/sync-requested-at': 'now' });
  await s.healthy(commit);
  t.false(await s.exists('configmaps/c0'));
  await s.told(commit, 'success');
});

test.serial('prune_limit and prune_kinds in the configuration allow what the guards hold back', async (t) => {
  const s = await scene(t);
  const claim = JSON.stringify({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await s.shop.commit({ 'a.yaml': configMap('a', {}), 'data.yaml': claim });
  s.start();
  await s.until(() => s.exists('persistentvolumeclaims/data'), 'the claim');
  const commit = await s.shop.commit({ 'data.yaml': null });
  const held = await s.status(({ reason }) => reason === 'PruneBlocked');
  t.regex(JSON.stringify(held), /prune_kinds: \[PersistentVolumeClaim\] in the configuration/);
  await s.configure(`${SHOP}    prune_kinds: [PersistentVolumeClaim]\n`);
  await s.healthy(commit);
});

test.serial('a dry run tells what would be, and writes nothing', async (t) => {
  const s = await scene(t, `${SHOP}    dry_run_strategy: server\n`);
  const commit = await s.shop.commit({ 'a.yaml': configMap('a', {}), 'b.yaml': configMap('b', {}) });
  s.start();
  const status = await s.status(({ state }) => state === 'Planned');
  t.like(status, {
    reason: 'DryRun',
    counts: { created: 2 },
    observed: { revision: commit },
    applied: undefined,
  });
  t.is(status.message, 'dry run: 2 created; nothing was written');
  t.false(await s.exists('configmaps/a'));
  const { description } = await s.told(commit, 'canceled');
  t.is(description, 'dry run, nothing was written: 2 create');
  await s.agent.said('Dry run', { action: 'create', object: `configmap/a -n ${s.namespace}` });
  await s.configure(SHOP);
  await s.healthy(commit);
  await s.told(commit, 'success');
});

test.serial('excluded kinds are neither watched nor pruned', async (t) => {
  const s = await scene(t, `${SHOP}    resource_exclusions:\n    - { api_groups: [""], kinds: [Service] }\n`);
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  };
  await s.shop.commit({
    'a.yaml': configMap('a', {}),
    'b.yaml': configMap('b', {}),
    'web.yaml': JSON.stringify(service),
  });
  s.start();
  await s.until(() => s.exists('services/web'), 'the Service');
  await s.status(({ state }) => state === 'Synced');
  const commit = await s.shop.commit({ 'b.yaml': null, 'web.yaml': null });
  await s.healthy(commit);
  t.false(await s.exists('configmaps/b'));
  t.true(await s.exists('services/web'));
  await s.write('PATCH', 'services/web', { spec: { selector: { app: 'other' } } });
  t.false(s.agent.lines.some(({ msg }) => msg === 'Drift'));
  // Once it is no longer excluded, it is still known to be of the set.
  await s.configure(SHOP);
  await s.until(async () => !(await s.exists('services/web')), 'it to be pruned');
});

test.serial('objects that do not become healthy in time fail the commit, and succeed it later', async (t) => {
  const s = await scene(t, `${SHOP}    reconcile_timeout: 3s\n`);
  const service = (type: string) =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { type, selector: { app: 'web' }, ports: [{ port: 80 }] },
    });
  const commit = await s.shop.commit({ 'manifest.yaml': service('LoadBalancer') });
  s.start();
  const { description } = await s.told(commit, 'failed');
  t.regex(description!, /^not healthy after 3 s: service\/web /);
  const status = await s.status(({ unhealthy }) => unhealthy !== undefined);
  t.like(status, { state: 'Synced', applied: { revision: commit } });
  t.is(status.healthy, undefined);
  const path = `services/web/status`;
  await s.write('PATCH', path, { status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } });
  await s.told(commit, 'success');
  await s.healthy(commit);
});

test.serial(
  'a project by its number needs an API token, and is told where it stands otherwise',
  async (t) => {
    const s = await scene(t);
    await s.configure(`  - id: ${s.shop.id}\n    name: shop\n    default_namespace: NS\n`);
    const commit = await s.shop.commit({ 'manifest.yaml': configMap('a', {}) });
    s.start();
    await s.healthy(commit);
    await s.told(commit, 'success');
    t.is((await s.get(PARENT)).metadata.annotations['agent.gitlab.com/project-path'], 'group/shop');
    await s.agent.end();
    s.start({ apiToken: undefined });
    const line = await s.agent.said('Config: broken, the last good one stays in force');
    t.is(
      line.error,
      `.gitlab/agents/test/config.yaml:3:9: the path of project ${s.shop.id} can't be found out without an API token`,
    );
  },
);

test.serial('a broken configuration keeps the last good one, and is told where people look', async (t) => {
  const s = await scene(t);
  const first = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.start();
  await s.healthy(first);
  const name = 'gitlab-agent/test/config.yaml';
  const good = await s.config.head();
  await s.told(good!, 'success', name, s.config);
  const bad = await s.configure(`${SHOP}    prone: true\n`);
  const { description } = await s.told(bad, 'failed', name, s.config);
  t.regex(description!, /^\.gitlab\/agents\/test\/config\.yaml:6:5: .*prone/);
  const said = async (): Promise<string> => (await s.get('configmaps/gitlab-agent.test')).data.status;
  await s.until(async () => /config\.yaml:6:5: .*prone/.test(await said()), 'the ConfigMap to say it');
  t.regex(await said(), new RegExp(`applied: ${good}`));
  const events = async () =>
    (await s.get('events')).items.filter(
      ({ involvedObject: { name: of } }: { involvedObject: { name: string } }) => of === 'gitlab-agent.test',
    );
  await s.until(
    async () =>
      (await events()).some(
        ({ reason, message }: Record<string, string>) =>
          reason === 'ConfigurationBroken' && /prone/.test(message!),
      ),
    'an Event',
  );
  const second = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '2' }) });
  await s.healthy(second);
  const fixed = await s.configure(SHOP);
  await s.told(fixed, 'success', name, s.config);
  await s.until(async () => !/problems/.test(await said()), 'the ConfigMap to be well again');
});

test.serial('a change of one entry does not touch the others', async (t) => {
  const other = '  - id: group/other\n    name: other\n    default_namespace: NS\n';
  const s = await scene(t, SHOP + other);
  const project = await s.gitlab.createProject('group/other');
  const commit = await s.shop.commit({ 'manifest.yaml': configMap('a', {}) });
  const theirs = await project.commit({ 'manifest.yaml': configMap('b', {}) });
  s.start();
  await s.healthy(commit);
  await s.healthy(theirs, 'other');
  const before = s.agent.lines.length;
  await s.configure(`${SHOP}    interval: 20s\n${other}`);
  await s.agent.said('Starting worker', { entry: 'shop' }, before);
  await s.agent.said('Synchronizing objects', { entry: 'shop' }, before);
  t.false(s.agent.lines.slice(before).some(({ entry }) => entry === 'other'));
});

test.serial('what was deleted has to be gone within prune_timeout', async (t) => {
  const s = await scene(t, `${SHOP}    prune_timeout: 3s\n`);
  const held = configMap('held', {}, { finalizers: ['example.com/hold'] });
  await s.shop.commit({ 'a.yaml': configMap('a', {}), 'held.yaml': held });
  s.start();
  await s.status(({ healthy }) => healthy !== undefined);
  const commit = await s.shop.commit({ 'held.yaml': null });
  const { description } = await s.told(commit, 'failed');
  t.regex(
    description!,
    /^configmap\/held .* is still there 3 s after it was deleted: it waits for its finalizers/,
  );
  t.deepEqual(s.statuses(commit), ['failed']);
  await s.write('PATCH', 'configmaps/held', { metadata: { finalizers: null } });
  await s.annotate({ 'agent.gitlab.com/sync-requested-at': 'now' });
  await s.told(commit, 'success');
});
