import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { AgentProcess } from '../support/agent.ts';
import { agentObject, holdLease, parentObject } from '../support/agent-objects.ts';
import { kubectl, namespace, sharedCluster } from '../support/cluster.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';
import { personEnvironment } from '../support/person.ts';
import { plugin } from '../support/plugin.ts';

const configMap = (within: string, name: string, data: Record<string, string>): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: within }, data });

const PASSWORD = 'correct-horse-battery';
const secret = (within: string, password: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'login', namespace: within },
    stringData: { password },
  });

test('diff without files: drift with who and when, and what another revision would change', async (t) => {
  const ns = await namespace(t);
  await using gitlab = await startGitLab();
  const config = await gitlab.createProject('group/agents');
  const shop = await gitlab.createProject('group/shop');
  const first = await shop.commit({
    'app/a.yaml': configMap(ns, 'a', { x: '1' }),
    'app/login.yaml': secret(ns, PASSWORD),
    'other.yaml': 'not: [read',
  });
  await config.commit({
    '.gitlab/agents/test/config.yaml':
      'gitops:\n  manifest_projects:\n  - id: group/shop\n    name: shop\n    paths:\n    - glob: app/**/*.yaml\n',
  });
  const { value: token } = gitlab.root.createToken({ scopes: ['api', 'read_repository'] });
  await using agent = new AgentProcess({
    endpoint: sharedCluster(),
    gitlab,
    configProject: config,
    namespace: ns,
    gitToken: { token },
  });
  const env = personEnvironment(t, gitlab, token);
  const run = (...args: string[]) => plugin(['diff', ...args, '-n', ns], { env });
  await agent.said('Objects are healthy', { commit: first });
  const still = await run();
  t.is(
    still.stdout,
    `test group/shop at ${first.slice(0, 12)}, which is applied: what differs is drift\nnothing to change, 2 unchanged\n`,
    still.stderr,
  );
  t.is(still.code, 0);

  await plugin(['suspend', '-n', ns, '--reason', 'to look at drift'], { env });
  await kubectl(['-n', ns, 'patch', 'cm', 'a', '--type=merge', '-p', '{"data":{"x":"9"}}']);
  await kubectl([
    '-n',
    ns,
    'patch',
    'secret',
    'login',
    '--type=merge',
    '-p',
    '{"stringData":{"password":"changed-by-hand"}}',
  ]);
  const drift = await run('test', 'shop');
  t.is(drift.code, 1, drift.stderr);
  t.regex(drift.stdout, /^test group\/shop at \S+, which is applied: what differs is drift; suspended\n/);
  t.regex(
    drift.stdout,
    /\n~ update {2}configmap\/a -n \S+ {3}\(app\/a\.yaml:1\)\n {4}taken from kubectl-patch, which wrote \d+s ago: data\.x\n/,
  );
  t.regex(drift.stdout, /\n- {2}x: "9"\n\+ {2}x: "1"\n/);
  t.false(drift.stdout.includes(PASSWORD) || drift.stdout.includes('changed-by-hand'));

  const json = JSON.parse((await run('-o', 'json')).stdout) as {
    changes: { conflicts?: { time: string }[] }[];
  };
  const schema = new URL('../../schemas/diff-report.schema.json', import.meta.url);
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
  const validate = ajv.compile(JSON.parse(readFileSync(schema, 'utf8')) as object);
  t.true(validate(json), ajv.errorsText(validate.errors));
  t.regex(json.changes.find(({ conflicts }) => conflicts)!.conflicts![0]!.time, /^\d{4}-/);

  const second = await shop.commit({ 'app/a.yaml': configMap(ns, 'b', { x: '1' }) });
  const ahead = await run();
  t.is(ahead.code, 1);
  t.regex(
    ahead.stdout,
    new RegExp(
      `^test group/shop at ${second.slice(0, 12)}, where ${first.slice(0, 12)} is applied; suspended\n`,
    ),
  );
  t.regex(ahead.stdout, /\n\+ create {2}configmap\/b -n /);
  t.regex(ahead.stdout, /\n- delete {2}configmap\/a -n /);
  const back = await run('--rev', first.slice(0, 8), '-o', 'name');
  t.regex(back.stdout, /^~ ?|update|configmap\/a/);
  t.false(back.stdout.includes('configmap/b'));
  t.is((await run('--rev', 'main', '-o', 'json')).code, 1);

  const nobody = personEnvironment(t, gitlab, undefined);
  const refused = await plugin(['diff', '-n', ns], { env: nobody });
  t.is(refused.code, 2);
  t.regex(
    refused.stderr,
    /^error: group\/shop: \S+\/group\/shop\.git can't be read: .*\nhint: git has no credentials for it that work, and without a terminal nobody can be asked/,
  );
  const wrong = await plugin(['diff', '-n', ns], {
    env: personEnvironment(t, gitlab, 'glpat-wrongwrongwrong'),
  });
  t.is(wrong.code, 2);
  t.false((wrong.stderr + wrong.stdout).includes('glpat-wrongwrongwrong'));
  for (const [args, error] of [
    [['--rev', 'nowhere'], /^error: group\/shop has no branch or tag "nowhere"\nhint: /],
    [['--rev', 'a..b'], /^error: two revisions are compared of manifests at hand\n/],
    [['--prune'], /^error: --prune is for manifests at hand, and none are named\n/],
    [['-o', 'plan'], /^error: -o plan is for manifests at hand/],
    [
      ['web.yaml'],
      /^error: diff takes files by -f, and "web\.yaml" names an agent\nhint: did you mean -f web\.yaml\?\n/,
    ],
  ] as const) {
    const { stderr, code } = await run(...args);
    t.regex(stderr, error);
    t.is(code, 2);
  }
});

test('a URL that git must not open, and one entry that can not be read beside one that can', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'test');
  await holdLease(t, ns, 'test');
  await parentObject(ns, 'test', 'evil', {
    status: {},
    entry: { repository: { url: 'ext::sh -c "touch /tmp/evil"' } },
  });
  await parentObject(ns, 'test', 'option', {
    status: {},
    entry: { repository: { url: '--upload-pack=touch' } },
  });
  const { stderr, stdout, code } = await plugin(['diff', '-n', ns]);
  t.is(code, 2);
  t.is(stdout, '');
  t.is(stderr.match(/the URL of the repository does not start with https:\/\//g)?.length, 2);
});
