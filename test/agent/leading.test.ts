import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { AgentProcess } from '../support/agent.ts';
import { waitFor } from '../support/cluster.ts';
import { configMap, type Scene, scene } from './scene.ts';

async function fetchFrom(agent: AgentProcess, path: string): Promise<{ status: number; body: string }> {
  const { port } = await agent.said('Observability endpoint is up');
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: answer.status, body: await answer.text() };
}

function replica(s: Scene, pod: string): AgentProcess {
  const { endpoint, gitlab, config: configProject, namespace, token } = s;
  return new AgentProcess({
    endpoint,
    gitlab,
    configProject,
    namespace,
    apiToken: token,
    gitToken: { token },
    pod,
  });
}

test.serial(
  'when the leader is killed a standby goes on within 15 s, and only one of them ever writes',
  async (t) => {
    const s = await scene(t);
    const first = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
    s.agent = replica(s, 'agent-0');
    await s.healthy(first);
    await using second = replica(s, 'agent-1');
    await second.said('Not leading');
    t.deepEqual(await fetchFrom(second, '/readiness').then(({ status }) => status), 200);
    t.regex((await fetchFrom(second, '/metrics')).body, /^gitlab_agent_leader 0$/m);
    const next = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '2' }) });
    await s.healthy(next);
    t.false(second.lines.some(({ msg }) => msg === 'Synchronizing objects'));
    const killed = Date.now();
    await s.agent.end('SIGKILL');
    const last = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '3' }) });
    await second.said('Leading', {}, 0, { timeout: 20_000 });
    t.true(Date.now() - killed < 15_000, `${Date.now() - killed} ms`);
    await s.healthy(last);
    await s.told(last, 'success');
    t.deepEqual(s.posts(next), [201, 201, 201]);
    const startedAt = Date.now();
    t.is(await second.end(), 0);
    t.true(Date.now() - startedAt < 10_000);
  },
);

test.serial('a leader that ends gives the Lease to the standby at once', async (t) => {
  const s = await scene(t);
  const first = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.agent = replica(s, 'agent-0');
  await s.healthy(first);
  await using second = replica(s, 'agent-1');
  await second.said('Not leading');
  t.is(await s.agent.end(), 0);
  await second.said('Leading', {}, 0, { timeout: 5_000 });
  t.deepEqual(s.agent.noise.filter(Boolean), []);
});

test.serial('SIGTERM in the middle of things ends within 10 s, also where GitLab hangs', async (t) => {
  const s = await scene(t);
  await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  s.gitlab.fault('hang', { on: ({ path }) => path.includes('group/shop') || path.includes('/statuses/') });
  s.start();
  await s.agent.said('Starting worker');
  await waitFor(() => s.gitlab.requests.some(({ path }) => path.includes('group/shop.git')), {
    what: 'a poll',
  });
  const startedAt = Date.now();
  t.is(await s.agent.end(), 0);
  t.true(Date.now() - startedAt < 10_000, `${Date.now() - startedAt} ms`);
  t.deepEqual(s.agent.noise.filter(Boolean), []);
});

test.serial('a project that hangs delays no other', async (t) => {
  const s = await scene(
    t,
    '  - id: group/hangs\n    name: hangs\n  - id: group/shop\n    name: shop\n    default_namespace: NS\n',
  );
  const hangs = await s.gitlab.createProject('group/hangs');
  await hangs.commit({ 'manifest.yaml': configMap('b', {}) });
  s.gitlab.fault('hang', { on: ({ path }) => path.includes('group/hangs') });
  const commit = await s.shop.commit({ 'manifest.yaml': configMap('a', {}) });
  const startedAt = Date.now();
  s.start();
  await s.healthy(commit);
  t.true(Date.now() - startedAt < 10_000);
});

const METRICS = [
  'gitlab_agent_syncs_total{entry="shop",result="Succeeded"} 1',
  'gitlab_agent_sync_duration_seconds_count{entry="shop"} 1',
  'gitlab_agent_objects{entry="shop",health="healthy"} 1',
  'gitlab_agent_objects{entry="shop",health="degraded"} 0',
  'gitlab_agent_synced{entry="shop"} 1',
  'gitlab_agent_queued_syncs 0',
  'gitlab_agent_git_requests_total{kind="fetch",result="ok"}',
  'gitlab_agent_git_requests_total{kind="poll",result="ok"}',
  'gitlab_agent_git_fetch_duration_seconds_count',
  'gitlab_agent_kubernetes_requests_total{method="PATCH",code="200"}',
  'gitlab_agent_commit_statuses_total{state="success",result="ok"}',
  'gitlab_agent_leader 1',
  'process_resident_memory_bytes',
];

test.serial('the endpoints for probes and Prometheus', async (t) => {
  const s = await scene(t);
  const commit = await s.shop.commit({ 'manifest.yaml': configMap('a', {}) });
  s.start();
  await s.told(commit, 'success');
  const reported = async () => {
    const answer = await fetchFrom(s.agent, '/metrics');
    return answer.body.includes('gitlab_agent_commit_statuses_total{state="success"') && answer;
  };
  const { body, status } = await s.until(reported, 'the report to be counted');
  t.is(status, 200);
  for (const line of METRICS) t.true(body.includes(`\n${line}`), line);
  // What promtool would say: each family has a help and a type, counters end with _total, every sample is a number.
  const families = new Map(
    [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]),
  );
  for (const sample of body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
    const [, name, value] =
      /^([a-zA-Z_:][\w:]*)(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\})? (\S+)$/.exec(sample) ?? [];
    t.true(
      value !== undefined && !Number.isNaN(Number(value.replace('+Inf', 'Infinity').replace('Nan', 'NaN'))),
      sample,
    );
    const family = families.has(name!) ? name! : name!.replace(/_(bucket|sum|count)$/, '');
    t.true(families.has(family), family);
    if (families.get(family) === 'counter') t.regex(family, /_total$/);
    t.true(body.includes(`# HELP ${family} `), family);
  }
  t.is((await fetchFrom(s.agent, '/liveness')).body, 'ok\n');
  t.is((await fetchFrom(s.agent, '/readiness')).body, 'ok\nleading\n');
  t.is((await fetchFrom(s.agent, '/nothing')).status, 404);
  t.is((await fetchFrom(s.agent, '//')).status, 404);
  t.is((await fetchFrom(s.agent, '/liveness?verbose')).status, 200);
  const { port } = await s.agent.said('Observability endpoint is up');
  t.is((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST' })).status, 405);
  await s.configure('  - id: group/agents\n    name: other\n    suspend: true\n');
  await s.agent.said('Entry removed');
  await s.until(
    async () => !(await fetchFrom(s.agent, '/metrics')).body.includes('gitlab_agent_objects{entry="shop"'),
    'what is gone to be gone',
  );
});

test.serial('a webhook makes the agent look at once, whoever does not know the secret nothing', async (t) => {
  const s = await scene(t);
  const first = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '1' }) });
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const directory = s.endpoint.dir;
  const file = join(directory, `webhook-${s.namespace}`);
  writeFileSync(file, 'a secret\n');
  s.start({
    args: ['--poll-interval=10m', `--webhook-address=127.0.0.1:${port}`, `--webhook-secret-file=${file}`],
  });
  await s.healthy(first);
  const url = `http://127.0.0.1:${port}/`;
  const post = async (body: string, secret?: string): Promise<number> => {
    const headers = { 'content-type': 'application/json', ...(secret && { 'x-gitlab-token': secret }) };
    return (await fetch(url, { method: 'POST', headers, body })).status;
  };
  const push = JSON.stringify({ object_kind: 'push', project: { path_with_namespace: 'group/shop' } });
  const polls = () => s.gitlab.requests.filter(({ path }) => path.includes('shop.git')).length;
  const before = polls();
  t.is(await post(push), 401);
  t.is(await post(push, 'wrong'), 401);
  t.is(await post('{', 'a secret'), 400);
  t.is(await post(JSON.stringify({ object_kind: 'note' }), 'a secret'), 400);
  t.is(await post('null', 'a secret'), 400);
  t.is(await post('x'.repeat(2 * 2 ** 20), 'a secret').catch(() => 413), 413);
  t.is((await fetch(url)).status, 405);
  t.is(polls(), before);
  s.shop.addWebhook(url, { secret: 'a secret' });
  const startedAt = Date.now();
  const second = await s.shop.commit({ 'manifest.yaml': configMap('a', { x: '2' }) });
  await s.status(({ applied }) => applied?.revision === second);
  t.true(Date.now() - startedAt < 20_000, `${Date.now() - startedAt} ms`);
  writeFileSync(file, 'another');
  t.is(await post(push, 'a secret'), 401);
  t.is(await post(push, 'another'), 202);
});
