// An agent that may no longer read a project has its stream ended, and all else goes on.
import { readFileSync, writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { entryOf, ground, reach, sourcesOf, Told } from '../kas/ground.ts';
import { AgentServer } from '../support/agent-server.ts';
import { waitFor } from '../support/control-plane/wait.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';

interface Open {
  configuration: Told;
  shop: Told;
  own: Told;
}

/** The streams of an agent: its configuration, `group/shop`, and its own project as manifests. */
async function open(t: ExecutionContext, address: string, token: string): Promise<Open> {
  const sources = await sourcesOf(t, reach(t, { address, token }));
  const own = entryOf({ name: 'own', repository: { project: 'group/agents', url: '' } });
  return {
    configuration: new Told(t, sources.configuration),
    shop: new Told(t, sources.entry(entryOf())),
    own: new Told(t, sources.entry(own)),
  };
}

test('registry: a project that is no longer allowed ends within a minute with NOT_FOUND', async (t) => {
  const { config, shop, server, token } = await ground(t);
  const configured = await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const first = await shop.commit({ 'a.yaml': 'a: 1\n' });
  const told = await open(t, `grpc://127.0.0.1:${server.port}`, token);
  await told.shop.commit(first);
  await told.own.commit(configured);
  writeFileSync(
    server.registry,
    readFileSync(server.registry, 'utf8').replace('"group/shop"', '"group/other"'),
  );
  const { failure } = await told.shop.failure();
  t.is(failure.code, 'NotFound');
  t.regex(failure.message, /"group\/shop" is not among this agent's projects/);
  // No later commit comes.
  await shop.commit({ 'a.yaml': 'a: 2\n' });
  const next = await config.commit({ 'b.yaml': 'b: 1\n' });
  await told.own.commit(next);
  await told.configuration.commit(next);
  t.is(told.shop.seen.filter(({ ok }) => ok).length, 1);
  t.true([...told.own.seen, ...told.configuration.seen].every(({ ok }) => ok));
});

test('GitLab: the same where it answers 404 from now on; one question tells of token and project', async (t) => {
  const gitlab = await startGitLab();
  t.teardown(() => gitlab[Symbol.asyncDispose]());
  const config = await gitlab.createProject('group/agents');
  const shop = await gitlab.createProject('group/shop', { visibility: 'public' });
  const configured = await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const first = await shop.commit({ 'a.yaml': 'a: 1\n' });
  const server = await AgentServer.start({
    gitlab,
    gitToken: gitlab.root.createToken({ scopes: ['read_repository'] }).value,
    secret: gitlab.kasSecret,
    agent:
      '  info_cache_ttl: 2s\n  gitops: { poll_period: 300ms, project_info_cache_ttl: 1s }\n  configuration: { poll_period: 300ms }',
  });
  t.teardown(() => server[Symbol.asyncDispose]());
  const token = gitlab.createAgentToken(config, 'test').value;
  const told = await open(t, `grpc://127.0.0.1:${server.port}`, token);
  await told.shop.commit(first);
  await told.own.commit(configured);
  const asked = (path: string): number => gitlab.requests.filter((one) => one.path.includes(path)).length;
  // Projects are asked for again and again, which is as good as asking for the agent.
  await waitFor(() => asked('/project_info') >= 8, { what: 'questions' });
  t.true(asked('/agent_info') <= 2, `${asked('/agent_info')} times`);
  shop.visibility = 'private';
  const { failure } = await told.shop.failure();
  t.is(failure.code, 'NotFound');
  t.regex(failure.message, /"group\/shop" is not there, or this agent may not read it/);
  const next = await config.commit({ 'b.yaml': 'b: 1\n' });
  await told.own.commit(next);
  await told.configuration.commit(next);
  t.is(told.shop.seen.filter(({ ok }) => ok).length, 1);
});
