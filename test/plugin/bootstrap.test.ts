import test from 'ava';
import { accessOf, apiCall } from '../support/cluster.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';
import { ground, inNamespace, startInstalled } from '../support/installation.ts';
import { startPlugin } from '../support/plugin.ts';

test('from nothing to synced in one command, and again without a change', async (t) => {
  const here = ground(t);
  await using gitlab = await startGitLab();
  const ada = gitlab.createUser('ada');
  const members = { ada: 'maintainer' } as const;
  const config = await gitlab.createProject('group/agents', { members });
  const shop = await gitlab.createProject('group/sub/shop', { members });
  // No Ingress controller and no metrics are here that would make these healthy.
  const { 'autoscaler.yaml': _autoscaler, ...files } = here.files;
  const web = files['web.yaml']!.split(/^---\n/m).filter((text) => !/^kind: Ingress$/m.test(text));
  await shop.commit({ ...files, 'web.yaml': web.join('---\n') }, { user: ada });
  const person = ada.createToken({ scopes: ['api'] }).value;
  const reporting = shop.createToken({ role: 'maintainer', scopes: ['api'] }).value;
  const env = { GITLAB_TOKEN: person };
  const args = [
    'bootstrap',
    'test',
    '--config-project=group/agents',
    '--project=group/sub/shop',
    `--gitlab-url=${gitlab.url}`,
    '--image=registry.example.com/gitlab-agent:0.1.0',
    '--rbac=generated',
  ];
  const running = startPlugin([...args, '--api-token-file=-', '-n', here.namespace], {
    env,
    input: reporting,
  });
  await using agent = await startInstalled(here, { gitlab, config });
  const first = await running.done;
  t.is(first.code, 0, first.stdout + first.stderr + agent.tail().slice(-3000));
  t.regex(
    first.stderr,
    /^committed \.gitlab\/agents\/test\/config\.yaml to main of group\/agents: [0-9a-f]{12}$/m,
  );
  t.regex(first.stderr, /^registered the agent test in group\/agents$/m);
  t.regex(first.stderr, /^made the deploy token gitlab\+deploy-token-\d+ of group\/sub\/shop, for reading$/m);
  t.regex(first.stdout, /synced and healthy at [0-9a-f]{7,}/);
  const admin = accessOf(here.endpoint);
  const path = `/api/v1/namespaces/${here.namespace}/secrets/gitlab-agent-git`;
  const { data } = await apiCall(admin, 'GET', path);
  t.deepEqual(Object.keys(data as object).sort(), [
    'group__agents.token',
    'group__agents.username',
    'group__sub__shop.token',
    'group__sub__shop.username',
  ]);
  const values = Object.entries(data as Record<string, string>)
    .filter(([key]) => key.endsWith('token'))
    .map(([, value]) => Buffer.from(value, 'base64').toString());
  for (const secret of [person, reporting, ...values])
    t.false((first.stdout + first.stderr).includes(secret));

  const tip = await config.head();
  const again = await inNamespace(here, args, { env });
  t.is(again.code, 0, again.stdout + again.stderr);
  t.is(again.stderr, '');
  t.regex(again.stdout, /^\d+ unchanged\n/);
  t.is(await config.head(), tip);
  // The same rights follow from the configuration where install is asked for them alone.
  const there = { ...env, GITLAB_HOST: gitlab.url };
  const alone = await inNamespace(here, ['install', '--rbac=generated', '--dry-run'], { env: there });
  t.is(alone.code, 0, alone.stdout + alone.stderr);
  const slash = `--gitlab-url=${gitlab.url}/`;
  const other = await inNamespace(here, ['install', slash, '--rbac=generated', '--dry-run'], { env });
  t.is(other.stderr, alone.stderr);
  t.deepEqual((await apiCall(admin, 'GET', path)).data, data);
  t.is(config.agents.length, 1);
});

test('what stands in the way is said before anything is made', async (t) => {
  const here = ground(t);
  await using gitlab = await startGitLab();
  const ada = gitlab.createUser('ada');
  const config = await gitlab.createProject('group/agents', { members: { ada: 'maintainer' } });
  const settings = ['--image=registry.example.com/gitlab-agent:0.1.0', `--gitlab-url=${gitlab.url}`];
  const env = { GITLAB_TOKEN: ada.createToken({ scopes: ['api'] }).value };
  const run = (...args: string[]) => inNamespace(here, ['bootstrap', ...args, ...settings], { env });
  for (const [args, says] of [
    [[], /say which agent/],
    [['test'], /--config-project is missing/],
    [
      ['test', '--config-project=group/agents'],
      /there is no \.gitlab\/agents\/test\/config\.yaml in group\/agents/,
    ],
    [
      ['test', '--config-project=group/none', '--project=group/shop'],
      /the configuration project group\/none can't be read: .*404/,
    ],
    [['test', '--config-project=group/agents', '--rbac=none'], /--rbac can't be "none"/],
  ] as [string[], RegExp][]) {
    const { code, stdout, stderr } = await run(...args);
    t.is(code, 2, stderr);
    t.regex(stderr, says);
    t.is(stdout, '');
  }
  t.is(await config.head(), undefined);
  t.is(config.agents.length, 0);

  // A file that is there is nobody's to rewrite.
  const file = 'gitops:\n  manifest_projects:\n    - id: group/other\n';
  await config.commit({ '.gitlab/agents/test/config.yaml': file }, { user: ada });
  const other = await run('test', '--config-project=group/agents', '--project=group/shop');
  t.is(other.code, 2);
  t.regex(
    other.stderr,
    /the file is there already, without group\/shop\nhint: add it to gitops\.manifest_projects/,
  );
});
