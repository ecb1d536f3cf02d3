import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test, { type ExecutionContext } from 'ava';
import { load } from 'js-yaml';
import { grant, kubectl, namespace, serviceAccount, waitFor } from '../support/cluster.ts';
import { plugin } from '../support/plugin.ts';

const SETTINGS = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {mode: "1"}\n';
const PASSWORD = 'correct-horse-battery';
const CREDENTIALS = `apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: ${PASSWORD}}\n`;
/** No node has such a label: it never runs. */
const WEB = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {no-such: node}
      containers: [{name: app, image: "registry.example.com/web:1"}]
`;

interface Shop {
  cwd: string;
  ns: string;
  git(...args: string[]): string;
  write(file: string, text: string): void;
  run(command: string, ...args: string[]): ReturnType<typeof plugin>;
}

/** A repository with one commit, and a namespace for it. */
async function shop(t: ExecutionContext, files: Record<string, string>): Promise<Shop> {
  const ns = await namespace(t);
  const cwd = mkdtempSync(join(tmpdir(), 'record-'));
  t.teardown(() => rmSync(cwd, { recursive: true, force: true }));
  mkdirSync(join(cwd, 'shop'));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', cwd, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      encoding: 'utf8',
    }).trim();
  const write = (file: string, text: string): void => writeFileSync(join(cwd, 'shop', file), text);
  for (const [file, text] of Object.entries(files)) write(file, text);
  git('init', '-q');
  git('add', '-A');
  git('commit', '-qm', 'one');
  const run = (command: string, ...args: string[]): ReturnType<typeof plugin> =>
    plugin([command, ...args, '-n', ns], { cwd });
  return { cwd, ns, git, write, run };
}

const apply = ({ run }: Shop, ...args: string[]): ReturnType<typeof plugin> =>
  run('apply', '-f', 'shop', '--applyset', 'shop', '--prune', ...args);

function validator(name: string): (document: unknown) => string {
  const file = new URL(`../../schemas/${name}.schema.json`, import.meta.url);
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
  const validate = ajv.compile(JSON.parse(readFileSync(file, 'utf8')) as object);
  return (document) => (validate(document) ? '' : ajv.errorsText(validate.errors));
}

test('history', async (t) => {
  const on = await shop(t, { 'settings.yaml': SETTINGS, 'login.yaml': CREDENTIALS });
  await apply(on);
  const first = on.git('rev-parse', 'HEAD');
  on.write('settings.yaml', SETTINGS.replace('"1"', '"2"'));
  on.git('commit', '-qam', 'two');
  await apply(on);
  await apply(on);
  on.write('settings.yaml', SETTINGS.replace('\ndata', '\ndada'));
  t.is((await apply(on)).code, 2);

  const { stdout, code } = await on.run('history');
  t.is(code, 0);
  const [heading, ...lines] = stdout.split('\n');
  t.regex(heading!, /^# {2}AGE +REVISION +RESULT +BY +WHAT$/);
  t.regex(lines[0]!, /^1 +\d+s +- +Failed +\S+@\S+ +ApplyFailed: /, 'not committed: no revision');
  t.regex(stdout, /\n2 +\d+s +[0-9a-f]{12} +Synced +\S+@\S+ +1 changed, 1 unchanged\n/);
  t.regex(stdout, new RegExp(`\n3 +\\d+s +${first.slice(0, 12)} +Synced .* 2 created\n$`));
  t.true(stdout.split('\n').every((line) => line.length <= 80));

  const one = await on.run('history', first.slice(0, 8));
  t.regex(one.stdout, new RegExp(`^revision: +${first}\nresult: +Synced, Succeeded\nwhat: +2 created\n`));
  t.regex(one.stdout, /\n {2}created secret\/login -n /);
  t.is((await on.run('history', '3')).stdout.replace(/\(.*/, ''), one.stdout.replace(/\(.*/, ''));

  const check = validator('history-report');
  const json: unknown = JSON.parse((await on.run('history', '-o', 'json')).stdout);
  t.is(check(json), '');
  t.deepEqual(load((await on.run('history', '-o', 'yaml')).stdout), json);
  const missing = await on.run('history', '9');
  t.is(missing.stderr, 'error: the history has no sync "9"\nhint: it is 1 to 3, or a revision\n');
  t.is(missing.code, 2);
});

test('a run of files that are not all in the commit has no revision; --rev has its own', async (t) => {
  const on = await shop(t, { 'settings.yaml': SETTINGS });
  on.write('new.yaml', SETTINGS.replace('settings', 'new'));
  await apply(on);
  const revision = async (): Promise<string | undefined> => {
    const { stdout } = await on.run('history', '-o', 'json');
    return (JSON.parse(stdout) as { entries: { revision?: string }[] }).entries[0]!.revision;
  };
  t.is(await revision(), undefined);
  await apply(on, '--rev', 'HEAD');
  t.is(await revision(), on.git('rev-parse', 'HEAD'));
});

test('inventory: members with place and health, and what is not as applied', async (t) => {
  const on = await shop(t, {
    'settings.yaml': SETTINGS,
    'more.yaml': ['gone', 'bare', 'taken', 'left']
      .map((name) => SETTINGS.replace('settings', name))
      .join('---\n'),
    'web.yaml': WEB,
  });
  await apply(on);
  const whole = await on.run('inventory');
  t.regex(whole.stdout, /^HEALTH +OBJECT +SOURCE +NOTE\n/);
  t.regex(whole.stdout, /\nhealthy +configmap\/left -n \S+ +shop\/more\.yaml:16\n/);
  t.regex(whole.stdout, /\n\n6 members: 6 present\n$/);
  t.is(whole.code, 0);

  await kubectl(['-n', on.ns, 'delete', 'cm', 'gone']);
  await kubectl(['-n', on.ns, 'label', 'cm', 'bare', 'applyset.kubernetes.io/part-of-']);
  const id = (JSON.parse((await on.run('inventory', '-o', 'json')).stdout) as { applySet: { id: string } })
    .applySet.id;
  await kubectl(['-n', on.ns, 'create', 'cm', 'copied']);
  await kubectl(['-n', on.ns, 'label', 'cm', 'copied', `applyset.kubernetes.io/part-of=${id}`]);
  on.write(
    'more.yaml',
    ['gone', 'bare', 'taken'].map((name) => SETTINGS.replace('settings', name)).join('---\n'),
  );
  const { stdout, code } = await on.run('inventory');
  t.is(code, 1);
  t.regex(stdout, /\nmissing +configmap\/gone -n \S+ +shop\/more\.yaml:1\n +it is not in the cluster\n/);
  t.regex(stdout, /\nhealthy +configmap\/bare -n .*\n +it has lost the label of the set\n/);
  t.regex(
    stdout,
    /\nhealthy +configmap\/copied -n \S+ +-\n +somebody else wrote the label of the set on it\n/,
  );
  t.regex(stdout, /7 members: 1 missing, 1 unlabelled, 1 foreign, 4 present\n$/);

  const json: unknown = JSON.parse((await on.run('inventory', '-o', 'json')).stdout);
  t.is(validator('inventory-report')(json), '');
  t.deepEqual(load((await on.run('inventory', '-o', 'yaml')).stdout), json);
  t.regex((await on.run('inventory', '-o', 'name')).stdout, /^configmap\/bare -n \S+\n/);
});

test('no secret value is in a record, an Event, or what the commands print', async (t) => {
  const secret = (name: string, rest: string): string =>
    `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\n${rest}\n---\n`;
  const on = await shop(t, {
    'a.yaml': [
      secret('plain', `stringData: {key: ${PASSWORD}-1}`),
      secret('fixed', `immutable: true\nstringData: {key: ${PASSWORD}-2}`),
      secret('typed', `type: kubernetes.io/tls\nstringData: {tls.crt: ${PASSWORD}-3}`),
      secret('wrong', `data: {key: "${PASSWORD}-4!"}`),
      secret('unknown', `dada: {key: ${PASSWORD}-5}`),
      `apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\nspec: {template: {spec: {containers: [{name: a, image: a, env: [{name: A, value: 7}]}]}}}\n`,
    ].join(''),
  });
  const first = await apply(on);
  t.is(first.code, 2, first.stdout);
  on.write('b.yaml', secret('other', `stringData: {key: ${PASSWORD}-6}`));
  const text = readFileSync(join(on.cwd, 'shop', 'a.yaml'), 'utf8');
  on.write('a.yaml', text.replaceAll(PASSWORD, `${PASSWORD}-again`));
  await apply(on);
  const outputs = await Promise.all([
    kubectl(['-n', on.ns, 'get', 'cm', 'shop', '-o', 'yaml', '--show-managed-fields']),
    kubectl(['-n', on.ns, 'get', 'events', '-o', 'yaml']),
    ...[
      ['history'],
      ['history', '1'],
      ['inventory'],
      ['inventory', '-o', 'json'],
      ['history', '-o', 'yaml'],
    ].map(([command, ...args]) => on.run(command!, ...args)),
    ...['plain', 'fixed', 'typed', 'wrong', 'other'].flatMap((name) => [
      on.run('explain', `secret/${name}`, '-f', 'shop'),
      on.run('explain', `secret/${name}`, '-f', 'shop', '-o', 'json'),
    ]),
  ]);
  t.true(outputs.every(({ stdout }) => stdout.length > 50));
  const all = outputs.map(({ stdout, stderr }) => stdout + stderr).join('\n');
  for (const needle of [PASSWORD, Buffer.from(PASSWORD).toString('base64').slice(0, 24)]) {
    const found = all.indexOf(needle);
    t.is(found, -1, all.slice(Math.max(0, found - 200), found + 100));
  }
});

test('a set is found where it is the only one, else its name is asked for', async (t) => {
  const on = await shop(t, { 'settings.yaml': SETTINGS });
  const none = await on.run('inventory');
  t.is(none.stderr.split('\n')[0], `error: there is no apply set in the namespace ${on.ns}`);
  t.is(none.code, 2);
  await apply(on);
  t.is((await on.run('history')).code, 0);
  const named = await plugin(['history', '--applyset', `${on.ns}/shop`]);
  t.is(named.code, 0);
  await plugin(['apply', '-f', '-', '--applyset', 'other', '-n', on.ns], {
    input: SETTINGS.replace('settings', 'other-settings'),
  });
  const many = await on.run('history');
  t.is(
    many.stderr,
    `error: there are 2 apply sets in the namespace ${on.ns}\nhint: name one: --applyset other, --applyset shop\n`,
  );
  t.is((await on.run('history', '--applyset', 'none')).code, 2);
});

test('explain: set, file and revision, owners, health story, and what the manifests want', async (t) => {
  const on = await shop(t, { 'settings.yaml': SETTINGS, 'login.yaml': CREDENTIALS, 'web.yaml': WEB });
  await apply(on);
  const revision = on.git('rev-parse', 'HEAD').slice(0, 12);
  await waitFor(async () => (await on.run('explain', 'deploy/web')).stdout.includes('FailedScheduling'), {
    what: 'the scheduler to say why',
  });
  const web = await on.run('explain', 'deployments.apps', 'web');
  t.is(web.code, 1);
  t.regex(web.stdout, /^deployment\.apps\/web -n /);
  t.regex(web.stdout, new RegExp(`\nset: +shop -n ${on.ns}\nfrom: +shop/web\\.yaml:1 at ${revision}\n`));
  t.regex(web.stdout, /\nhealth: +(degraded|progressing), /);
  t.regex(
    web.stdout,
    /\nWhy it is not well\n {2}deployment\.apps\/web [\s\S]*pod\/web-[\s\S]*FailedScheduling/,
  );
  t.regex(web.stdout, /\n {2}gitlab-agent applied \d+ fields \d+s ago\n/);
  t.regex(web.stdout, /\n {2}kube-controller-manager wrote \d+ fields through status \d+s ago\n/);

  await kubectl(['-n', on.ns, 'patch', 'cm', 'settings', '--type=merge', '-p', '{"data":{"mode":"9"}}']);
  const drifted = await on.run('explain', 'cm', 'settings', '-f', 'shop');
  t.is(drifted.code, 1);
  t.regex(
    drifted.stdout,
    /\nWhat an apply of the manifests would do\n~ update [\s\S]*\n- {2}mode: "9"\n\+ {2}mode: "1"\n/,
  );
  t.regex(drifted.stdout, /\n {2}kubectl-patch wrote 1 field \d+s ago\n {4}data\.mode\n/);

  await kubectl([
    '-n',
    on.ns,
    'patch',
    'secret',
    'login',
    '--type=merge',
    '-p',
    '{"stringData":{"password":"other-password-now"}}',
  ]);
  const hidden = await on.run('explain', 'secret/login', '-f', 'shop');
  t.regex(hidden.stdout, /data\.password/);
  for (const value of [PASSWORD, 'other-password-now']) {
    t.false(hidden.stdout.includes(value));
    t.false(hidden.stdout.includes(Buffer.from(value).toString('base64')));
  }
  const check = validator('explain-report');
  for (const object of ['deploy/web', 'cm/settings', 'secret/login', 'cm/never-there', 'sa/default']) {
    for (const inputs of [[], ['-f', 'shop']]) {
      const json: unknown = JSON.parse((await on.run('explain', object, ...inputs, '-o', 'json')).stdout);
      t.is(check(json), '', object);
    }
  }
});

test('with few rights, what can not be told is said, and the rest is told', async (t) => {
  const on = await shop(t, { 'settings.yaml': SETTINGS, 'login.yaml': CREDENTIALS, 'web.yaml': WEB });
  await apply(on);
  const user = await serviceAccount(on.ns, 'reader');
  const rules = [
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list'] },
  ];
  for (const rule of rules) await grant(user, [rule], { namespace: on.ns });
  const as = (...args: string[]): ReturnType<typeof plugin> =>
    on.run(args[0]!, ...args.slice(1), '--kubeconfig', user.kubeconfig!);
  const inventory = await as('inventory');
  t.is(inventory.code, 2);
  t.regex(inventory.stdout, /^unknown: secret\/\* -n \S+:\s+Forbidden: [\s\S]*\n2 members: 2 present\n$/);
  const web = await as('explain', 'deploy/web');
  t.regex(web.stdout, /\nfrom: +shop\/web\.yaml:1 at /);
  t.regex(web.stdout, /\n {4}pods can't be seen: /);
  const login = await as('explain', 'secret/login');
  t.is(login.code, 2);
  t.regex(login.stderr, /^error: secret\/login -n \S+: it can't be read: /);
  t.is((await as('history')).code, 0);
});

test('explain: what failed, what is gone, what is of no set, and what is no object', async (t) => {
  const on = await shop(t, { 'settings.yaml': SETTINGS });
  await apply(on);
  on.write('settings.yaml', SETTINGS.replace('\ndata', '\ndada'));
  await apply(on);
  const failed = await on.run('explain', 'configmap/settings');
  t.regex(failed.stdout, /\nlast sync: Failed, ApplyFailed, \d+s ago, by \S+\n/);
  t.regex(failed.stdout, /\nfailure: +Invalid: dada: field not declared in schema\n/);
  t.is(failed.code, 1);
  await kubectl(['-n', on.ns, 'delete', 'cm', 'settings']);
  const gone = await on.run('explain', 'configmaps/settings');
  t.regex(
    gone.stdout,
    /\nfrom: +shop\/settings\.yaml:1\n[\s\S]*\nmember: +it is not in the cluster, and should be\n/,
  );
  const other = await on.run('explain', 'sa/default');
  t.regex(other.stdout, /\nset: +it belongs to no apply set\n/);
  t.is(other.code, 0);
  const errors = await Promise.all(
    [['explain'], ['explain', 'deploy'], ['explain', 'a/b', 'c'], ['explain', 'no-such-things/x']].map(
      ([command, ...args]) => on.run(command!, ...args),
    ),
  );
  t.deepEqual(
    errors.map(({ code, stderr }) => [code, stderr.split('\n')[0]]),
    [
      [2, 'error: say which object'],
      [2, 'error: can\'t read the object "deploy"'],
      [2, 'error: can\'t read the object "a/b c"'],
      [2, 'error: the API server has no kind "no-such-things"'],
    ],
  );
});
