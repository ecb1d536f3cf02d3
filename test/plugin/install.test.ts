import test from 'ava';
import { entryStatus } from '../support/agent.ts';
import { accessOf, apiCall, apiRequest, waitFor } from '../support/cluster.ts';
import { ground, inNamespace, repositories, settingsFor, startInstalled } from '../support/installation.ts';
import { startPlugin } from '../support/plugin.ts';
import { policyOnSecret } from '../support/secret-policy.ts';

test('from nothing to an agent that reports, with rights for just what the manifests need', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const { gitlab, config, shop } = there;
  const { value: token } = gitlab.root.createToken({ scopes: ['api', 'read_repository'] });
  const admin = accessOf(here.endpoint);
  const running = startPlugin(
    ['install', ...settingsFor(there), '--rbac=generated', '-f', '-', '-n', here.namespace],
    {
      input: Object.values(here.files).join('\n---\n'),
      env: { GITLAB_AGENT_GIT_TOKEN: token, GITLAB_AGENT_API_TOKEN: token },
    },
  );
  await using agent = await startInstalled(here, { gitlab, config });
  const { code, stdout, stderr } = await running.done;
  t.is(code, 0, stdout + stderr + agent.tail());
  t.regex(
    stdout,
    /the agent test \(v0\.1\.0\) reports: it follows group\/agents at [0-9a-f]{12}: 1 manifest project\n$/,
  );
  t.false((stdout + stderr).includes(token));

  // What it was given is enough for all of the shop, from the Namespace and the new kind to the workloads.
  const head = await shop.head();
  const status = await waitFor(
    async () => {
      const found = (await entryStatus(here.endpoint, here.namespace, 'shop')) as
        | { state: string; applied?: { revision: string } }
        | undefined;
      return found?.applied?.revision === head && found;
    },
    { what: 'the shop to be synced' },
  ).catch((error) => {
    throw new Error(`${error.message}\n${agent.tail().slice(-3000)}`);
  });
  t.is(status.state, 'Synced');
  const roles = await apiCall(
    admin,
    'GET',
    `/apis/rbac.authorization.k8s.io/v1/namespaces/${here.shop}/roles/gitlab-agent-gitops-${here.namespace}`,
  );
  const verbs = 'get,list,watch,create,update,patch,delete';
  t.deepEqual(
    (roles.rules as { apiGroups: string[]; resources: string[]; verbs: string[] }[]).map(
      (rule) => `${rule.apiGroups}: ${rule.resources}: ${rule.verbs}`,
    ),
    [
      `: configmaps,secrets,services: ${verbs}`,
      ': events,pods: get,list,watch',
      ': pods/log: get',
      `apps: deployments: ${verbs}`,
      'apps: replicasets: get,list,watch',
      `autoscaling: horizontalpodautoscalers: ${verbs}`,
      `networking.k8s.io: ingresses: ${verbs}`,
      `${here.group}: discounts: ${verbs}`,
    ],
  );

  // Again: nothing to do, and the tokens stay.
  const again = await inNamespace(here, ['install', '--rbac=generated', '-f', '-'], {
    input: Object.values(here.files).join('\n---\n'),
  });
  t.is(again.code, 0, again.stderr);
  t.regex(again.stdout, /^\d+ unchanged\n/);

  // Fewer rights: what is needed no longer goes.
  const less = await inNamespace(here, ['install', `--rbac=namespaces=${here.shop}`, '--replicas=2']);
  t.is(less.code, 0, less.stderr);
  t.regex(less.stdout, /- pruned {2}clusterrole\.rbac/);
  const { status: gone } = await apiRequest(
    admin,
    'GET',
    `/apis/rbac.authorization.k8s.io/v1/clusterroles/gitlab-agent-gitops-${here.namespace}`,
  );
  t.is(gone, 404);
});

test('with rights in one namespace the rest is reported as forbidden', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const { value: token } = there.gitlab.root.createToken({ scopes: ['read_repository'] });
  const installed = await inNamespace(
    here,
    [
      'install',
      ...settingsFor(there),
      `--rbac=namespaces=${here.shop}`,
      '--git-token-file=-',
      '--wait=false',
    ],
    { input: `${token}\n` },
  );
  t.is(installed.code, 0, installed.stderr);
  await using agent = await startInstalled(here, there);
  const failures = await waitFor(
    async () => {
      const found = (await entryStatus(here.endpoint, here.namespace, 'shop')) as
        | { state: string; failures?: { object: string; reason: string }[] }
        | undefined;
      return found?.state === 'Failed' && found.failures;
    },
    { what: 'the failures' },
  ).catch((error) => {
    throw new Error(`${error.message}\n${agent.tail().slice(-3000)}`);
  });
  t.true(
    failures.some(({ object, reason }) => reason === 'Forbidden' && /^customresourcedefinition/.test(object)),
  );
  const admin = accessOf(here.endpoint);
  const { items } = await apiCall(admin, 'GET', `/apis/apps/v1/namespaces/${here.shop}/deployments`);
  t.deepEqual((items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name).sort(), [
    'cart',
    'web',
  ]);

  // Nobody reports under a name of which there is no agent.
  await agent.end();
  const silent = await inNamespace(here, ['install', '--timeout=1s']);
  t.is(silent.code, 1);
  t.regex(silent.stderr, /^error: the agent test has not reported within 1 s: /m);
});

test("GitLab's own agent is left alone", async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const admin = accessOf(here.endpoint);
  await apiCall(admin, 'POST', '/api/v1/namespaces', { metadata: { name: here.namespace } });
  const secrets = `/api/v1/namespaces/${here.namespace}/secrets`;
  await apiCall(admin, 'POST', `/api/v1/namespaces/${here.namespace}/serviceaccounts`, {
    metadata: { name: 'gitlab-agent' },
  });
  await apiCall(admin, 'POST', secrets, {
    metadata: { name: 'gitlab-agent-git' },
    stringData: { token: 'theirs' },
  });
  const { code, stdout, stderr } = await inNamespace(
    here,
    ['install', ...settingsFor(there), '--git-token-file=-'],
    { input: 'ours-0123' },
  );
  t.is(code, 2);
  t.regex(stdout, /! failed {2}serviceaccount\/gitlab-agent -n \S+.*\n.*NotAMember: it is there already/);
  t.regex(stderr, /^hint: .*another namespace with -n$/m);
  const deployments = `/apis/apps/v1/namespaces/${here.namespace}/deployments/gitlab-agent`;
  t.is((await apiRequest(admin, 'GET', deployments)).status, 404);
  const { data } = await apiCall(admin, 'GET', `${secrets}/gitlab-agent-git`);
  t.is(Buffer.from(data.token, 'base64').toString(), 'theirs');
});

test('a dry run shows what would be, and no token', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const args = ['install', ...settingsFor(there), '--dry-run', '--api-token-file=-'];
  const text = await inNamespace(here, args, { input: 'glpat-canary' });
  t.is(text.code, 1, text.stderr);
  t.regex(text.stdout, /14 to create|to create/);
  const yaml = await inNamespace(here, [...args, '-o', 'yaml'], { input: 'glpat-canary' });
  t.is(yaml.code, 0, yaml.stderr);
  t.regex(yaml.stdout, /^# Secret gitlab-agent-api -n \S+ with token: not printed$/m);
  for (const told of [text, yaml]) t.false(/canary|Z2xwYXQtY2FuYXJ5/.test(told.stdout + told.stderr));
  t.is(
    (await apiRequest(accessOf(here.endpoint), 'GET', `/api/v1/namespaces/${here.namespace}`)).status,
    404,
  );
});

test('a warning that repeats a token is shown without it', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const { namespace } = here;
  const admin = accessOf(here.endpoint);
  await apiCall(admin, 'POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  await policyOnSecret(t, admin, { namespace, name: 'gitlab-agent-git', key: 'token', action: 'Warn' });
  const args = ['install', ...settingsFor(there), '--git-token-file=-', '--wait=false'];
  const dryRun = await waitFor(
    async () => {
      const told = await inNamespace(here, [...args, '--dry-run'], { input: 'glpat-canary' });
      return told.stderr.includes('no: ') && told;
    },
    { what: 'the warning' },
  );
  const applied = await inNamespace(here, args, { input: 'glpat-canary' });
  t.is(applied.code, 0, applied.stderr);
  for (const { stdout, stderr } of [dryRun, applied]) {
    t.regex(stderr, /^warning: .*no: \(hidden\)/m);
    t.false(/canary|Z2xwYXQtY2FuYXJ5/.test(stdout + stderr));
  }
});

for (const { title, args, says, input } of [
  {
    title: 'nothing said',
    args: [],
    says: /--agent-name is missing[\s\S]*--image is missing\nhint: no image is published/,
  },
  {
    title: 'a token where its file belongs',
    args: ['--git-token-file=glpat-0123456789'],
    says: /^error: the file of --git-token-file can't be read/,
  },
  {
    title: 'two tokens from one stdin',
    args: ['--git-token-file=-', '--api-token-file=-'],
    says: /--git-token-file and --api-token-file both read standard input/,
    input: 'x',
  },
  {
    title: 'an empty token',
    args: ['--git-token-file=-'],
    says: /there is no token in standard input/,
    input: '\n',
  },
  {
    title: 'a token of two lines',
    args: ['--git-token-file=-'],
    says: /what is in standard input is no token/,
    input: 'a\nb\n',
  },
  { title: 'rights of nowhere', args: ['--rbac=namespaces='], says: /--rbac can't be "namespaces="/ },
  {
    title: 'a password in the URL',
    args: ['--gitlab-url=https://u:geheim@gitlab.example.com'],
    says: /no plain URL: "https:\/\/…@gitlab/,
  },
  { title: '-o yaml alone', args: ['-o', 'yaml'], says: /hint: --dry-run -o yaml/ },
]) {
  test(`refused in a sentence: ${title}`, async (t) => {
    const here = ground(t);
    const { code, stdout, stderr } = await inNamespace(here, ['install', ...args], { input: input ?? '' });
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, says);
    t.false(/0123456789|geheim/.test(stderr));
  });
}
