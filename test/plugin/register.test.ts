import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { accessOf, apiCall, apiRequest, grant, serviceAccount } from '../support/cluster.ts';
import { text } from '../support/gitlab/answer.ts';
import type { Project } from '../support/gitlab/project.ts';
import { ground, inNamespace, repositories, settingsFor } from '../support/installation.ts';
import { pluginEnvironment } from '../support/plugin.ts';

const active = (project: Project): { id: number; value: string }[] =>
  project.agents.flatMap(({ tokens }) => tokens).filter(({ status }) => status === 'active');

test('record, token and Secret; again nothing; rotated; listed; revoked', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const { gitlab, ada, config } = there;
  const env = { GITLAB_TOKEN: ada.createToken({ scopes: ['api'] }).value, GITLAB_HOST: gitlab.url };
  const run = (...args: string[]) => inNamespace(here, ['register', 'test', ...args], { env });
  const path = `/api/v1/namespaces/${here.namespace}/secrets/gitlab-agent-token`;
  const secret = async (): Promise<string> =>
    Buffer.from((await apiCall(accessOf(here.endpoint), 'GET', path)).data.token, 'base64').toString();
  const told: string[] = [];
  const said = ({ code, stdout, stderr }: Awaited<ReturnType<typeof run>>): string => {
    told.push(stdout, stderr);
    t.is(code, 0, stderr);
    return stdout + stderr;
  };

  t.regex(said(await run('--config-project=group/agents')), /registered the agent test in group\/agents\n/);
  const [first] = active(config);
  t.is(await secret(), first!.value);
  t.regex(
    said(await run('--config-project=group/agents')),
    /^token \d+ of the agent test is in the Secret .* already\n$/,
  );
  t.is(active(config).length, 1);

  t.regex(
    said(await run('--config-project=group/agents', '--rotate')),
    new RegExp(`revoked token ${first!.id}\n$`),
  );
  const [second] = active(config);
  t.deepEqual(
    active(config).map(({ id }) => id),
    [second!.id],
  );
  t.not(second!.id, first!.id);
  t.is(await secret(), second!.value);
  for (const { value } of [first!, second!]) t.false(told.join('').includes(value));

  // The installation goes on with what is there, and knows the project from then on.
  const installed = await inNamespace(here, ['install', ...settingsFor(there), '--wait=false'], { env });
  t.is(installed.code, 0, installed.stderr);
  t.is(await secret(), second!.value);
  const printed = await run('--print', '--config-project=group/agents');
  t.is(printed.stdout, `${active(config).at(-1)!.value}\n`);
  const list = said(await run('--list'));
  t.regex(list, /^ID +AGE +LAST USED +NAME\n(\d+ +\d+\w +- +kubectl gitlab-agent: .*\n){2}$/);
  const third = await run('--print', '--config-project=group/agents');
  t.is(third.code, 2);
  t.regex(
    third.stderr,
    /^error: the agent test has two tokens already, \d+ and \d+, .*\nhint: revoke the one/,
  );
  said(await run('--revoke', String(second!.id)));
  t.false(active(config).some(({ id }) => id === second!.id));
  t.is((await run('--revoke', String(second!.id))).code, 2);
  // GraphQL was enough for all of it.
  t.false(gitlab.requests.some(({ path: asked }) => /cluster_agents/.test(asked)));
});

test('REST where GraphQL is refused', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const { gitlab, ada, config } = there;
  const env = { GITLAB_TOKEN: ada.createToken({ scopes: ['api'] }).value };
  const fault = gitlab.fault({ answer: text(403, 'blocked') }, { on: ({ path }) => path === '/api/graphql' });
  const args = ['register', 'test', `--gitlab-url=${gitlab.url}`, '--config-project=group/agents'];
  const { code, stderr } = await inNamespace(here, args, { env });
  t.is(code, 0, stderr);
  t.is(active(config).length, 1);
  const { stdout } = await inNamespace(here, [...args, '--list'], { env });
  t.regex(stdout, /kubectl gitlab-agent: t-agent/);
  fault.clear();
});

test("the token of glab's configuration, for its host only", async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const { gitlab, ada } = there;
  const directory = join(pluginEnvironment().HOME!, `glab-${here.namespace}`);
  mkdirSync(directory, { recursive: true });
  const { value } = ada.createToken({ scopes: ['api'] });
  writeFileSync(
    join(directory, 'config.yml'),
    `hosts:\n    ${new URL(gitlab.url).host}:\n        token: !!null ${value}\n        api_protocol: http\n`,
  );
  const env = { GLAB_CONFIG_DIR: directory };
  const args = ['register', 'test', '--config-project=group/agents', '--print'];
  const fine = await inNamespace(here, [...args, `--gitlab-url=${gitlab.url}`], { env });
  t.is(fine.code, 0, fine.stderr);
  const other = await inNamespace(here, [...args, '--gitlab-url=https://gitlab.example.com'], { env });
  t.is(other.code, 2);
  t.regex(other.stderr, /there is no token for https:\/\/gitlab\.example\.com/);
});

test('an address that only the cluster says gets no token, and no other machine gets one unencrypted', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const { gitlab, ada } = there;
  const { host } = new URL(gitlab.url);
  const token = ada.createToken({ scopes: ['api'] }).value;
  const install = ['install', ...settingsFor(there), '--wait=false'];
  const installed = await inNamespace(here, install, { env: { GITLAB_AGENT_GIT_TOKEN: token } });
  t.is(installed.code, 0, installed.stderr);
  const list = ['register', 'test', '--list'];
  const asked = gitlab.requests.length;
  const refused = await inNamespace(here, list, { env: { GITLAB_TOKEN: token } });
  t.is(refused.code, 2);
  t.is(
    refused.stderr,
    `error: the cluster says that its GitLab is ${gitlab.url}, and your token may be for another\nhint: --gitlab-url ${gitlab.url} or GITLAB_HOST=${host} says that it is for this one\n`,
  );
  t.is(gitlab.requests.length, asked);
  const said = await inNamespace(here, list, { env: { GITLAB_TOKEN: token, GITLAB_HOST: gitlab.url } });
  t.regex(said.stderr, /group\/agents has no agent called test/);
  t.true(gitlab.requests.length > asked);
  const plain = [...list, '--config-project=group/agents', '--gitlab-url=http://gitlab.example.com'];
  const unencrypted = await inNamespace(here, plain, { env: { GITLAB_TOKEN: token } });
  t.is(unencrypted.code, 2);
  t.is(
    unencrypted.stderr,
    'error: no token is sent to http://gitlab.example.com unencrypted\nhint: --gitlab-url https://…\n',
  );
});

test('what stands in the way is said, and leaves no token behind', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const { gitlab, ada, config } = there;
  const args = ['register', 'test', `--gitlab-url=${gitlab.url}`, '--config-project=group/agents'];
  const wrong = await inNamespace(here, args, { env: { GITLAB_TOKEN: 'glpat-wrong' } });
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /^error: .*401.*\nhint: the token is wrong, expired or revoked\n$/);
  t.false(wrong.stderr.includes('glpat-wrong'));
  const few = await inNamespace(here, args, {
    env: { GITLAB_TOKEN: ada.createToken({ scopes: ['read_api'] }).value },
  });
  t.is(few.code, 2);
  t.regex(few.stderr, /^error: .*\nhint: agents are made by maintainers/);
  const named = await inNamespace(here, ['register', 'Test'], {});
  t.regex(named.stderr, /an agent can't be called "Test"/);

  // A Secret of somebody else, such as GitLab's own agent.
  const admin = accessOf(here.endpoint);
  await apiCall(admin, 'POST', '/api/v1/namespaces', { metadata: { name: here.namespace } });
  const secrets = `/api/v1/namespaces/${here.namespace}/secrets`;
  await apiCall(admin, 'POST', secrets, {
    metadata: { name: 'gitlab-agent-token' },
    stringData: { token: 'theirs' },
  });
  const env = { GITLAB_TOKEN: ada.createToken({ scopes: ['api'] }).value };
  const refused = await inNamespace(here, args, { env });
  t.is(refused.code, 2);
  t.regex(refused.stderr, /is not one that this program made/);
  t.is(active(config).length, 0);
  t.is((await apiRequest(admin, 'DELETE', `${secrets}/gitlab-agent-token`)).status, 200);

  // It may be read, but not written: the token that was made for it does not stay good.
  const user = await serviceAccount(here.namespace, 'reader');
  await grant(user, [
    { apiGroups: ['', 'apps'], resources: ['secrets', 'configmaps', 'deployments'], verbs: ['get', 'list'] },
  ]);
  const unwritten = await inNamespace(here, args, { env: { ...env, KUBECONFIG: user.kubeconfig } });
  t.is(unwritten.code, 2, unwritten.stderr);
  t.is(active(config).length, 0);
});
