import test, { type ExecutionContext } from 'ava';
import { reach } from '../kas/ground.ts';
import { ScriptedTunnel } from '../kas/scripted-tunnel.ts';
import { AgentServer } from '../support/agent-server.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';
import { ask, serveOne } from './visits.ts';

/** GitLab mode: an agent with this configuration, as GitLab knows it. */
async function scene(t: ExecutionContext, configuration: object) {
  const gitlab = await startGitLab();
  t.teardown(() => gitlab[Symbol.asyncDispose]());
  const config = await gitlab.createProject('top/inner/agents');
  const app = await gitlab.createProject('top/inner/app');
  const server = await AgentServer.start({
    gitlab,
    secret: gitlab.kasSecret,
    kubernetesApi: 'allowed_agent_cache_ttl: 1s',
  });
  t.teardown(() => server[Symbol.asyncDispose]());
  const { value, agent } = gitlab.createAgentToken(config, 'test');
  gitlab.agentConfigurations.push({ agent_id: agent.id, agent_config: configuration });
  const kas = reach(t, { address: `grpc://127.0.0.1:${server.port}`, token: value });
  const ci = (job: { value: string }, id = agent.id) => ({ authorization: `Bearer ci:${id}:${job.value}` });
  const visit = async (headers: Record<string, string>) => {
    const [reply, served] = await Promise.all([
      ask(server.kubernetesUrl, '/api', { headers }),
      serveOne(new ScriptedTunnel(t, kas)),
    ]);
    t.is(reply.status, 200);
    return served.as;
  };
  return { gitlab, config, app, agent, server, url: server.kubernetesUrl, ci, visit };
}

test('a job is let in by the agents that GitLab allows it, as itself where that is said', async (t) => {
  const { gitlab, app, config, agent, url, ci, visit, server } = await scene(t, {
    ci_access: {
      groups: [{ id: 'top', access_as: { ci_job: {} } }],
      projects: [
        {
          id: 'top/inner/other',
          access_as: { impersonate: { username: 'u', groups: ['g'], extra: [{ key: 'k', val: ['v'] }] } },
        },
      ],
    },
  });
  const job = app.createJobToken();
  job.environment = { slug: 'prod-1', tier: 'production' };
  const as = (await visit(ci(job)))!;
  const groups = [gitlab.namespaceId('top'), gitlab.namespaceId('top/inner')];
  t.is(as.username, `gitlab:ci_job:${job.jobId}`);
  t.deepEqual(
    as.groups.toSorted(),
    [
      'gitlab:ci_job',
      ...groups.map((id) => `gitlab:group:${id}`),
      ...groups.map((id) => `gitlab:group_env_tier:${id}:production`),
      `gitlab:project:${app.id}`,
      `gitlab:project_env:${app.id}:prod-1`,
      `gitlab:project_env_tier:${app.id}:production`,
    ].toSorted(),
  );
  t.deepEqual(Object.fromEntries(as.extra.map(({ key, val }) => [key, val[0]])), {
    'agent.gitlab.com/id': String(agent.id),
    'agent.gitlab.com/config_project_id': String(config.id),
    'agent.gitlab.com/project_id': String(app.id),
    'agent.gitlab.com/ci_pipeline_id': String(job.pipelineId),
    'agent.gitlab.com/ci_job_id': String(job.jobId),
    'agent.gitlab.com/username': 'root',
    'agent.gitlab.com/environment_slug': 'prod-1',
    'agent.gitlab.com/environment_tier': 'production',
  });
  const other = await gitlab.createProject('top/inner/other');
  t.like(await visit(ci(other.createJobToken())), { username: 'u', groups: ['g'] });
  // The configuration project may use its own agents, here as its group says.
  t.regex((await visit(ci(config.createJobToken())))!.username, /^gitlab:ci_job:/);
  const elsewhere = await gitlab.createProject('elsewhere/app');
  const stranger = elsewhere.createJobToken();
  t.like(await ask(url, '/api', { headers: ci(stranger) }), { status: 403 });
  t.like(await ask(url, '/api', { headers: ci(job, agent.id + 1) }), { status: 403 });
  job.running = false;
  t.like(await ask(url, '/api', { headers: ci({ value: `${job.value}x` }) }), { status: 401 });
  t.false(server.lines.some((line) => JSON.stringify(line).includes(stranger.value)));
});

test('a person is let in as GitLab says, and is asked about rarely', async (t) => {
  const { gitlab, app, agent, url, visit } = await scene(t, {
    user_access: { access_as: { user: {} }, projects: [{ id: 'top/inner/app' }], groups: [{ id: 'top' }] },
  });
  const [dev, guest] = [gitlab.createUser('dev'), gitlab.createUser('guest')];
  app.members.set(dev.id, 30);
  app.members.set(guest.id, 10);
  const headersOf = (user: typeof dev, scopes = ['k8s_proxy'] as never) => ({
    authorization: `Bearer pat:${agent.id}:${user.createToken({ scopes }).value}`,
  });
  const headers = headersOf(dev);
  const as = (await visit(headers))!;
  t.is(as.username, 'gitlab:user:dev');
  t.true(as.groups.includes(`gitlab:project_role:${app.id}:developer`));
  t.false(as.groups.includes(`gitlab:project_role:${app.id}:maintainer`));
  await visit(headers);
  t.is(gitlab.requests.filter(({ path }) => path.endsWith('/authorize_proxy_user')).length, 1);
  // Whatever the reason is, it is the credential that does not suffice.
  t.like(await ask(url, '/api', { headers: headersOf(guest) }), { status: 401 });
  t.like(await ask(url, '/api', { headers: headersOf(dev, ['read_api'] as never) }), { status: 401 });
  t.like(await ask(url, '/api', { headers: { authorization: `Bearer pat:${agent.id + 7}:x` } }), {
    status: 401,
  });
});
