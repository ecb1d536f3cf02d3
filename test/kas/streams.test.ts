import test from 'ava';
import { waitFor } from '../support/control-plane/wait.ts';
import { entryOf, ground, reach, sourcesOf, Told } from './ground.ts';

const SLOW = '  gitops: { poll_period: 10m }\n  configuration: { poll_period: 10m }';

test('a webhook makes the server look, and agents have the commit at once; a look asks without one', async (t) => {
  const { config, shop, server, token } = await ground(t, { agent: SLOW, webhookSecret: 'hush' });
  const configured = await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const first = await shop.commit({ 'a.yaml': 'a: 1\n' });
  const sources = await sourcesOf(t, reach(t, { address: `ws://127.0.0.1:${server.port}/`, token }));
  const configuration = new Told(t, sources.configuration);
  await configuration.commit(configured);
  const revision = sources.entry(entryOf());
  const told = new Told(t, revision);
  await told.commit(first);
  const push = (project: string, secret = 'hush') =>
    fetch(server.webhookUrl, {
      method: 'POST',
      headers: { 'x-gitlab-token': secret },
      body: JSON.stringify({ object_kind: 'push', project: { path_with_namespace: project } }),
    });
  const second = await shop.commit({ 'a.yaml': 'a: 2\n' });
  const startedAt = performance.now();
  t.is((await push('group/shop')).status, 202);
  await told.commit(second);
  t.log(`${Math.round(performance.now() - startedAt)} ms from the webhook to the agent`);
  const renewed = await config.commit({ '.gitlab/agents/test/config.yaml': 'gitops: {}\n' });
  await push('group/agents');
  await configuration.commit(renewed);
  const third = await shop.commit({ 'a.yaml': 'a: 3\n' });
  t.is((await push('group/shop', 'wrong')).status, 401);
  await revision.look();
  t.true(told.seen.some((seen) => seen.ok && seen.commit === third));
  t.is(told.seen.length, 3);
  await revision.look();
  t.is(told.seen.length, 3);
});

test('streams go on from the last commit when the server is killed, restarted, or has none for a while', async (t) => {
  const { config, shop, server, token, restart } = await ground(t);
  await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const first = await shop.commit({ 'a.yaml': 'a: 1\n' });
  const { port, directory } = server;
  const sources = await sourcesOf(t, reach(t, { address: `ws://127.0.0.1:${port}/`, token }));
  const told = new Told(t, sources.entry(entryOf()));
  await told.commit(first);
  await server.end('SIGKILL');
  const second = await shop.commit({ 'a.yaml': 'a: 2\n' });
  const next = await restart({ port, directory });
  await told.commit(second);
  t.is(await next.end('SIGTERM'), 0);
  const last = await restart({ port, directory });
  await waitFor(
    () =>
      /"connected_at"|calls_total/.test(last.tail()) ||
      last.get('/metrics').then((text) => !/connections 0/.test(text)),
    { what: 'the agent to be back' },
  );
  const third = await shop.commit({ 'a.yaml': 'a: 3\n' });
  await told.commit(third);
  // What was there already did not come again.
  t.deepEqual(
    told.seen.map((seen) => seen.ok && seen.commit),
    [first, second, third],
  );
});

test('a broken configuration ends the stream of a GitLab agent with its place; ours gets the file', async (t) => {
  const { config, server, token } = await ground(t);
  const broken = await config.commit({
    '.gitlab/agents/test/config.yaml': 'gitops:\n  manifest_project: []\n',
  });
  const kas = reach(t, { address: `grpc://127.0.0.1:${server.port}`, token });
  const sources = await sourcesOf(t, kas);
  await new Told(t, sources.configuration).commit(broken);
  const opened = await sources.configuration.reader.open(broken, new AbortController().signal);
  if (!opened.ok) return t.fail();
  t.is(
    String(await opened.tree.read('.gitlab/agents/test/config.yaml', 1000)),
    'gitops:\n  manifest_project: []\n',
  );
  const { createClient } = await import('@connectrpc/connect');
  const { AgentConfiguration } = await import('../../core/grpc/generated/agent_configuration_pb.ts');
  const stream = createClient(AgentConfiguration, kas.transport).getConfiguration({});
  await t.throwsAsync(stream[Symbol.asyncIterator]().next(), {
    message:
      '[failed_precondition] Config: .gitlab/agents/test/config.yaml:2:3: unknown key "manifest_project"',
  });
});
