import test from 'ava';
import { entryOf, ground, reach, sourcesOf, Told } from '../kas/ground.ts';
import { AgentServer } from '../support/agent-server.ts';
import { waitFor } from '../support/control-plane/wait.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';

/** In ms. */
const INFO_TTL = 2_000;

test('GitLab says who may connect and what an agent may read, is asked rarely, and learns of the usage', async (t) => {
  const gitlab = await startGitLab();
  t.teardown(() => gitlab[Symbol.asyncDispose]());
  const config = await gitlab.createProject('group/agents');
  const shop = await gitlab.createProject('group/shop', { visibility: 'public' });
  const hidden = await gitlab.createProject('group/hidden');
  const configured = await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const commit = await shop.commit({ 'a.yaml': 'a: 1\n' });
  await hidden.commit({ 'a.yaml': 'a: 1\n' });
  const agent = `  info_cache_ttl: ${INFO_TTL / 1000}s\n  gitops: { poll_period: 300ms }\n  configuration: { poll_period: 300ms }`;
  const server = await AgentServer.start({
    gitlab,
    gitToken: gitlab.root.createToken({ scopes: ['read_repository'] }).value,
    secret: gitlab.kasSecret,
    agent,
    usagePeriod: '300ms',
  });
  t.teardown(() => server[Symbol.asyncDispose]());
  const token = gitlab.createAgentToken(config, 'test');
  const startedAt = performance.now();
  const address = `ws://127.0.0.1:${server.port}/`;
  const sources = await sourcesOf(t, reach(t, { address, token: token.value }));
  const followed = new Told(t, sources.configuration);
  await followed.commit(configured);
  await new Told(t, sources.entry(entryOf())).commit(commit);
  // By its number, too: GitLab knows the path.
  await new Told(t, sources.entry(entryOf({ repository: { project: String(shop.id), url: '' } }))).commit(
    commit,
  );
  const { failure } = await new Told(
    t,
    sources.entry(entryOf({ repository: { project: 'group/hidden', url: '' } })),
  ).failure();
  t.is(failure.code, 'NotFound');
  t.regex(failure.message, /"group\/hidden" is not there, or this agent may not read it/);
  // Told in as many pieces as there were periods.
  const told = (): number => gitlab.usage.reduce((sum, { counters }) => sum + (counters.gitops_sync ?? 0), 0);
  const sent = async (): Promise<number> =>
    Number(/^gitlab_agent_server_batches_total (\d+)$/m.exec(await server.get('/metrics'))![1]);
  t.true((await sent()) >= 2);
  await waitFor(async () => told() === (await sent()), { what: 'the usage' });
  const asked = gitlab.requests.filter(({ path }) => path.endsWith('/agent_info'));
  const periods = (performance.now() - startedAt) / INFO_TTL;
  t.true(asked.length <= periods + 1, `${asked.length} in ${periods} periods`);
  token.status = 'revoked';
  const ended = await followed.failure();
  t.is(ended.failure.code, 'Unauthorized');
  const log = server.lines.map((line) => JSON.stringify(line)).join('\n');
  t.false(log.includes(token.value) || log.includes(gitlab.kasSecret));
});

test('a GitLab that is away ends nothing that is open', async (t) => {
  const { gitlab, config, shop, server, token } = await ground(t);
  await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const first = await shop.commit({ 'a.yaml': 'a: 1\n' });
  const sources = await sourcesOf(t, reach(t, { address: `grpc://127.0.0.1:${server.port}`, token }));
  const told = new Told(t, sources.entry(entryOf()));
  await told.commit(first);
  await gitlab.interrupt();
  const polls = async (): Promise<number> =>
    Number(/git_polls_total\{result="Unreachable"\} (\d+)/.exec(await server.get('/metrics'))?.[1] ?? 0);
  await waitFor(async () => (await polls()) >= 2, { what: 'failed polls' });
  await gitlab.resume();
  const second = await shop.commit({ 'a.yaml': 'a: 2\n' });
  await told.commit(second);
  t.true(told.seen.every(({ ok }) => ok));
});
