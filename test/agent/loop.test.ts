import test from 'ava';
import { kubectl } from '../support/cluster.ts';
import { configMap, SHOP, scene } from './scene.ts';

test.serial(
  'a commit lands, the cluster follows, and GitLab is told each step once and in order',
  async (t) => {
    const s = await scene(t);
    const first = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
    const agent = s.start();
    await s.healthy(first);
    t.is((await s.get('configmaps/a')).data.x, '1');
    await s.told(first, 'success');
    const second = await s.shop.commit({ 'manifest.yaml': configMap('b', { x: '2' }) });
    const status = await s.healthy(second);
    t.like(status, { reason: 'Succeeded', trigger: 'poll', counts: { created: 1, pruned: 1 } });
    t.false(await s.exists('configmaps/a'), 'what left the repository is deleted');
    const told = await s.told(second, 'success');
    t.is(told.description, '1 objects are applied and healthy');
    for (const commit of [first, second]) {
      t.deepEqual(s.statuses(commit), ['success']);
      t.deepEqual(s.posts(commit), [201, 201, 201]);
    }
    t.is(await agent.end(), 0);
    t.deepEqual(agent.noise.filter(Boolean), []);
  },
);

test.serial('a restart of the agent says nothing again', async (t) => {
  const s = await scene(t);
  const commit = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.start();
  await s.told(commit, 'success');
  t.is(await s.agent.end(), 0);
  s.start({ pod: 'agent-1' });
  await s.agent.said('Objects are healthy', { commit });
  t.is(await s.agent.end(), 0);
  t.deepEqual(s.posts(commit), [201, 201, 201]);
  t.deepEqual(s.statuses(commit), ['success']);
});

test.serial(
  'a broken manifest is told with its place everywhere, and the next commit heals it',
  async (t) => {
    const s = await scene(t);
    const good = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
    s.start();
    await s.healthy(good);
    const bad = await s.shop.commit({
      'manifest.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  name: b\n',
    });
    const status = await s.status(({ state }) => state === 'Failed');
    t.like(status, { observed: { revision: bad }, applied: { revision: good }, healthy: { revision: good } });
    t.like(status.failures?.[0], { source: 'manifest.yaml:5:3' });
    const { description } = await s.told(bad, 'failed');
    t.regex(description!, /^manifest\.yaml:5:3: /);
    const line = await s.agent.said('GitOps: failed to get objects to synchronize', { commit: bad });
    t.regex(String(line.error), /^manifest\.yaml:5:3: /);
    t.true(await s.exists('configmaps/a'));
    const fixed = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '2' }) });
    await s.told(fixed, 'success');
    await s.healthy(fixed);
    t.deepEqual(s.posts(bad), [201, 201, 201]);
  },
);

test.serial(
  'an object that the API server refuses fails by itself, is tried again, and heals with its commit',
  async (t) => {
    const s = await scene(t);
    const bad = await s.shop.commit({
      'a.yaml': configMap('a', { x: '1' }),
      'b.yaml': '\n{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "dota": {}}',
    });
    s.start();
    const { description } = await s.told(bad, 'failed');
    t.regex(description!, /dota/);
    const status = await s.status(({ state }) => state === 'Failed');
    t.like(status.failures?.[0], { source: 'b.yaml:2' });
    t.true(await s.exists('configmaps/a'));
    await s.agent.said('Synchronizing objects', { commit: bad, trigger: 'retry' });
    t.deepEqual(s.posts(bad), [201, 201, 201], 'a retry is no news');
    const fixed = await s.shop.commit({ 'b.yaml': configMap('b', { x: '2' }) });
    await s.told(fixed, 'success');
  },
);

test.serial('of commits in a row the newest is applied, and the others are canceled', async (t) => {
  const s = await scene(t, `${SHOP}    interval: 10s\n`);
  // Nobody here gives it an address: it never becomes healthy.
  const slow = (port: number) =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port }] },
    });
  const first = await s.shop.commit({ 'manifest.yaml': slow(1) });
  s.start();
  await s.told(first, 'running');
  const commits = [first];
  for (const port of [2, 3, 4]) {
    commits.push(await s.shop.commit({ 'manifest.yaml': slow(port) }));
    await s.until(() => s.posts(commits.at(-1)!).length > 0, 'it to be seen');
  }
  const last = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  await s.told(last, 'success');
  await s.until(
    () => commits.every((commit) => s.statuses(commit).at(-1) === 'canceled'),
    'all to be canceled',
  );
  const canceled = s.shop.statuses.filter(({ status }) => status === 'canceled');
  t.true(canceled.every(({ description }) => /^superseded by [0-9a-f]{12}$/.test(description!)));
});

test.serial(
  'nothing is pruned where the repository is empty of objects, or has lost its branch, and it is said why',
  async (t) => {
    const s = await scene(t);
    const good = await s.shop.commit({ 'a.yaml': configMap('a', { x: '1' }), 'README.md': 'x' });
    s.start();
    await s.healthy(good);
    const empty = await s.shop.commit({ 'a.yaml': null });
    const { description } = await s.told(empty, 'failed');
    t.is(description, '**/*.{yaml,yml,json}: the glob matches no manifests');
    const status = await s.status(({ state }) => state === 'Failed');
    t.like(status, { reason: 'NothingFound', applied: { revision: good } });
    t.regex(status.failures![0]!.message, /nothing was deleted because of that/);
    t.true(await s.exists('configmaps/a'));
    await s.shop.setBranch('main', undefined);
    const lost = await s.status(({ reason }) => reason === 'RefMissing');
    t.like(lost, { applied: { revision: good } });
    t.true(await s.exists('configmaps/a'));
    await s.shop.setBranch('main', good);
    await s.healthy(good);
  },
);

test.serial('a renamed project goes on, for Git and for its statuses', async (t) => {
  const s = await scene(t);
  const first = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.start();
  await s.told(first, 'success');
  s.shop.rename('group/store');
  const second = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '2' }) });
  await s.told(second, 'success');
  t.deepEqual([...s.statuses(first), ...s.statuses(second)], ['success', 'success']);
  t.is((await s.get('configmaps/a')).data.x, '2');
});

test.serial('a token that is revoked is told, and everything goes on when a new one is there', async (t) => {
  const s = await scene(t);
  const token = s.shop.createDeployToken();
  const api = s.gitlab.root.createToken({ scopes: ['api'] });
  const config = s.gitlab.root.createToken({ scopes: ['read_repository'] });
  const first = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.start({
    apiToken: api.value,
    gitToken: { token: config.value },
    gitFiles: { 'group__shop.token': token.value, 'group__shop.username': token.username },
  });
  await s.told(first, 'success');
  token.revoked = true;
  api.revoked = true;
  const lost = await s.status(({ reason }) => reason === 'Unauthorized');
  t.like(lost, { state: 'Failed', applied: { revision: first }, healthy: { revision: first } });
  t.false(JSON.stringify([lost, s.agent.lines]).includes(token.value));
  const next = s.shop.createDeployToken();
  const credentials = { gitToken: { token: config.value }, apiToken: api.value };
  const gitFiles = { 'group__shop.token': next.value, 'group__shop.username': next.username };
  s.agent.writeCredentials({ ...credentials, gitFiles });
  await s.healthy(first);
  const second = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '2' }) });
  await s.healthy(second);
  await s.agent.said('Commit status not reported', { commit: second });
  s.agent.writeCredentials({ ...credentials, gitFiles, apiToken: s.token });
  await s.told(second, 'success');
  t.deepEqual(s.statuses(second), ['success']);
  const complaints = s.agent.lines.filter(({ msg }) => msg === 'Commit status not reported');
  t.is(complaints.length, 1);
});

test.serial('a private project with a deploy token that can only read, and no API token', async (t) => {
  const s = await scene(t);
  const shop = s.shop.createDeployToken();
  const config = s.config.createDeployToken();
  const commit = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.start({
    apiToken: undefined,
    gitToken: undefined,
    gitFiles: {
      'group__shop.token': shop.value,
      'group__shop.username': shop.username,
      'group__agents.token': `${config.value}\n`,
      'group__agents.username': config.username,
    },
  });
  await s.healthy(commit);
  t.deepEqual(s.shop.statuses, []);
  t.false(s.gitlab.requests.some(({ kind }) => kind === 'rest'));
});

test.serial('an API token without the right is reported once, and nothing else is harmed', async (t) => {
  const s = await scene(t);
  const { value: apiToken } = s.shop.createToken({ role: 'reporter', scopes: ['api'] });
  const first = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.start({ apiToken });
  await s.healthy(first);
  const second = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '2' }) });
  await s.healthy(second);
  await s.until(() => s.posts(second).length >= 3, 'all to be tried');
  const complaints = s.agent.lines.filter(
    ({ msg, project }) => msg === 'Commit status not reported' && project === 'group/shop',
  );
  t.is(complaints.length, 1);
  t.regex(String(complaints[0]!.hint), /role Developer.*Maintainer/);
});

test.serial(
  'drift by hand is repaired when it happens where the agent watches, and at the interval elsewhere',
  async (t) => {
    const s = await scene(t, `${SHOP}    interval: 10s\n`);
    const web = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'web', image: 'registry.invalid/nothing:1' }] },
        },
      },
    };
    const commit = await s.shop.commit({
      'web.yaml': JSON.stringify(web),
      'a.yaml': configMap('a', { x: '1' }),
    });
    s.start();
    await s.healthy(commit);
    const path = `/apis/apps/v1/namespaces/${s.namespace}/deployments/web`;
    await kubectl(['scale', 'deployment/web', '--replicas=1', '-n', s.namespace]);
    const line = await s.agent.said('Drift');
    t.deepEqual([line.objects, line.managers], [[`deployment.apps/web -n ${s.namespace}`], ['kubectl']]);
    await s.until(async () => (await s.get(path)).spec.replicas === 0, 'the replicas to be 0 again', {
      timeout: 5_000,
    });
    await s.agent.said('Synchronizing objects', { trigger: 'drift' });
    await s.agent.said('Drift repaired');
    const { metadata } = await s.get(path);
    await s.write('DELETE', path);
    await s.until(async () => (await s.get(path)).metadata.uid !== metadata.uid, 'it to be made again', {
      timeout: 8_000,
    });
    await s.write('PATCH', 'configmaps/a', { data: { x: 'mine' } });
    await s.until(async () => (await s.get('configmaps/a')).data.x === '1', 'the ConfigMap to be repaired');
    await s.write('DELETE', 'configmaps/a');
    await s.until(() => s.exists('configmaps/a'), 'the ConfigMap to be made again');
    await s.healthy(commit);
    t.deepEqual(s.posts(commit), [201, 201, 201]);
  },
);

test.serial('who flips a field back is not fought in a loop', async (t) => {
  const s = await scene(t);
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] },
  };
  const commit = await s.shop.commit({ 'manifest.yaml': JSON.stringify(service) });
  s.start();
  await s.healthy(commit);
  let flips = 0;
  const end = Date.now() + 15_000;
  while (Date.now() < end) {
    if ((await s.get('services/web')).spec.selector.app === 'web') {
      await s.write('PATCH', 'services/web', { spec: { selector: { app: 'other' } } });
      flips += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.true(flips >= 2 && flips <= 6, `${flips} repairs in 15 s`);
  await s.agent.said('Drift comes back: somebody else writes these objects, too');
});

test.serial(
  'a pass is made at once when it is asked for, and the wish is answered in the status',
  async (t) => {
    const s = await scene(t);
    const first = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
    s.start({ args: ['--poll-interval=10m'] });
    await s.healthy(first);
    const second = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '2' }) });
    const requestedAt = new Date().toISOString();
    const startedAt = Date.now();
    await s.annotate({ 'agent.gitlab.com/sync-requested-at': requestedAt });
    const answered = await s.status(
      (status) => status.requestedAt === requestedAt && status.state === 'Synced',
    );
    t.true(Date.now() - startedAt < 10_000, `${Date.now() - startedAt} ms`);
    t.like(answered, { applied: { revision: second }, trigger: 'sync' });
    const passes = s.agent.lines.filter(({ msg }) => msg === 'Synchronizing objects').length;
    t.is(passes, 2, 'one for each');
  },
);

test.serial('a suspended entry is left alone until it is resumed', async (t) => {
  const s = await scene(t, `${SHOP}    interval: 10s\n`);
  const first = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.start();
  await s.healthy(first);
  await s.annotate({ 'agent.gitlab.com/suspend': 'maintenance' });
  const second = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '2' }) });
  await s.told(second, 'pending');
  await s.write('PATCH', 'configmaps/a', { data: { x: 'mine' } });
  // Longer than the interval: whoever waits must neither work nor spin.
  const until = Date.now() + 12_000;
  await s.until(() => Date.now() > until, 'the interval to pass');
  t.is((await s.get('configmaps/a')).data.x, 'mine');
  t.like((await s.status(() => true)).applied, { revision: first });
  await s.annotate({ 'agent.gitlab.com/suspend': null });
  const resumed = Date.now();
  await s.status(({ applied }) => applied?.revision === second);
  t.true(Date.now() - resumed < 10_000, `${Date.now() - resumed} ms`);
});
