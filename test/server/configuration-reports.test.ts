import test, { type ExecutionContext } from 'ava';
import { reach, sourcesOf, Told } from '../kas/ground.ts';
import { AgentServer } from '../support/agent-server.ts';
import { waitFor } from '../support/control-plane/wait.ts';
import { json } from '../support/gitlab/answer.ts';
import { type GitLab, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';

const FILE = '.gitlab/agents/test/config.yaml';

async function server(
  t: ExecutionContext,
): Promise<{ gitlab: GitLab; config: Project; pod: () => Promise<Told> }> {
  const gitlab = await startGitLab();
  t.teardown(() => gitlab[Symbol.asyncDispose]());
  const config = await gitlab.createProject('group/agents');
  const started = await AgentServer.start({
    gitlab,
    gitToken: gitlab.root.createToken({ scopes: ['read_repository'] }).value,
    secret: gitlab.kasSecret,
  });
  t.teardown(() => started[Symbol.asyncDispose]());
  const token = gitlab.createAgentToken(config, 'test').value;
  const address = `grpc://127.0.0.1:${started.port}`;
  const pod = async (): Promise<Told> =>
    new Told(t, (await sourcesOf(t, reach(t, { address, token }))).configuration);
  return { gitlab, config, pod };
}

const attempts = (gitlab: GitLab): (number | undefined)[] =>
  gitlab.requests.filter(({ path }) => path.endsWith('/agent_configuration')).map(({ status }) => status);

test('GitLab is told of each commit of a configuration once, as it stands, however many Pods there are', async (t) => {
  const { gitlab, config, pod } = await server(t);
  const first = await config.commit({
    [FILE]: `gitops:
  manifest_projects:
  - id: group/shop
    default_namespace: "1e3"
ci_access:
  groups: &groups
  - id: group
    default_namespace: shop
    access_as: { ci_job: {} }
  projects: *groups
user_access:
  access_as: { user: {} }
  projects: [{ id: group/shop }]
remote_development: { enabled: yes, max: 1234567890123 }
`,
  });
  const pods = [await pod(), await pod(), await pod()];
  for (const one of pods) await one.commit(first);
  await waitFor(() => gitlab.agentConfigurations.length > 0, { what: 'GitLab to be told' });
  const access = [{ id: 'group', default_namespace: 'shop', access_as: { ci_job: {} } }];
  t.deepEqual(gitlab.agentConfigurations[0], {
    agent_id: config.agents[0]!.id,
    agent_config: {
      gitops: { manifest_projects: [{ id: 'group/shop', default_namespace: '1e3' }] },
      ci_access: { groups: access, projects: access },
      user_access: { access_as: { user: {} }, projects: [{ id: 'group/shop' }] },
      remote_development: { enabled: true, max: 1234567890123 },
    },
  });
  // A broken one is not told of, and the next one is; an empty file says nothing, which is something.
  const broken = await config.commit({ [FILE]: 'ci_acess: {}\n' });
  for (const one of pods) await one.commit(broken);
  const last = await config.commit({ [FILE]: null, 'README.md': 'x' });
  for (const one of pods) await one.commit(last);
  await waitFor(() => gitlab.agentConfigurations.length > 1, { what: 'GitLab to be told again' });
  t.deepEqual(gitlab.agentConfigurations[1], { agent_id: config.agents[0]!.id, agent_config: {} });
  // Who comes later brings nothing new.
  await (await pod()).commit(last);
  t.deepEqual(attempts(gitlab), [204, 204]);
  t.true(pods.every(({ seen }) => seen.every(({ ok }) => ok)));
});

test('a GitLab that fails is told again, with the newest; streams do not wait for it', async (t) => {
  const { gitlab, config, pod } = await server(t);
  const fault = gitlab.fault(
    { answer: json(500, {}) },
    { on: ({ path }) => path.endsWith('/agent_configuration') },
  );
  const first = await config.commit({ [FILE]: 'ci_access: { groups: [{ id: a }] }\n' });
  const told = await pod();
  await told.commit(first);
  await waitFor(() => attempts(gitlab).length >= 2, { what: 'two attempts' });
  const second = await config.commit({ [FILE]: 'ci_access: { groups: [{ id: b }] }\n' });
  await told.commit(second);
  fault.clear();
  await waitFor(() => gitlab.agentConfigurations.length > 0, { what: 'GitLab to be told' });
  t.deepEqual(
    gitlab.agentConfigurations.map((one) => one.agent_config),
    [{ ci_access: { groups: [{ id: 'b' }] } }],
  );
  // An agent that is gone there: once, and no more; what comes next is tried again.
  gitlab.fault(
    { answer: json(404, {}) },
    { on: ({ path }) => path.endsWith('/agent_configuration'), times: 1 },
  );
  const third = await config.commit({ [FILE]: '{}\n' });
  await told.commit(third);
  await waitFor(() => attempts(gitlab).at(-1) === 404, { what: 'the attempt' });
  const count = attempts(gitlab).length;
  const fourth = await config.commit({ [FILE]: 'flux: {}\n' });
  await told.commit(fourth);
  await waitFor(() => gitlab.agentConfigurations.length > 1, { what: 'GitLab to be told again' });
  t.is(attempts(gitlab).length, count + 1);
  t.deepEqual(gitlab.agentConfigurations.at(-1)!.agent_config, { flux: {} });
  t.true(told.seen.every(({ ok }) => ok));
});
