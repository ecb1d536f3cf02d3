import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { load } from 'js-yaml';
import {
  agentObject,
  FIRST,
  holdLease,
  leaseObject,
  parentObject,
  SECOND,
} from '../support/agent-objects.ts';
import { grant, kubectl, namespace, serviceAccount, waitFor } from '../support/cluster.ts';
import { plugin, startPlugin } from '../support/plugin.ts';

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();
const firstLine = ({ stderr }: { stderr: string }): string => stderr.split('\n')[0]!;

function validator(): (document: unknown) => string {
  const file = new URL('../../schemas/status-report.schema.json', import.meta.url);
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
  const validate = ajv.compile(JSON.parse(readFileSync(file, 'utf8')) as object);
  return (document) => (validate(document) ? '' : ajv.errorsText(validate.errors));
}

test('every form of it, and --exit-code', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'production', { entries: ['shop', 'infra', 'late', 'paused'] });
  await holdLease(t, ns, 'production');
  await parentObject(ns, 'production', 'shop', { status: {} });
  await parentObject(ns, 'production', 'gone', { status: {} });
  await parentObject(ns, 'production', 'infra', {
    status: {
      state: 'Failed',
      reason: 'ApplyFailed',
      message: '1 of 12 objects failed; first deployment.apps/web -n shop: Invalid: no such field',
      failures: [
        {
          object: 'deployment.apps/web -n shop',
          reason: 'Invalid',
          message: 'no such field',
          source: 'web.yaml:3',
        },
      ],
      wanted: { revision: SECOND, at: ago(120) },
      applied: { revision: FIRST, at: ago(26 * 3600) },
      health: { degraded: 1, healthy: 11 },
      unhealthy: [
        {
          object: 'deployment.apps/db -n shop',
          reason: 'CrashLoopBackOff',
          message: 'degraded: it ends',
          terminal: true,
        },
      ],
    },
  });
  await parentObject(ns, 'production', 'paused', {
    status: {},
    annotations: { 'agent.gitlab.com/suspend': 'the migration is running' },
  });
  const table = await plugin(['status', '-n', ns]);
  t.is(table.stderr, '');
  t.is(table.code, 0);
  t.regex(table.stdout, /^AGENT +PROJECT +REVISION +SYNC +HEALTH +DRIFT\n/);
  t.regex(
    table.stdout,
    /\nproduction +group\/infra +2{8} → 1{8} 26h +Failed +degraded +none\n +ApplyFailed: 1 of 12/,
  );
  t.regex(table.stdout, /no such field \(web\.yaml:3\)\n/);
  t.regex(table.stdout, /\n {4}CrashLoopBackOff: deployment\.apps\/db -n shop is degraded: it ends\n/);
  t.regex(table.stdout, /\nproduction +late +- +Pending +- +\?\n/);
  t.regex(
    table.stdout,
    /\nproduction +group\/paused .* Suspended +healthy +\?\n {4}Suspended: the migration is running\n/,
  );
  t.false(table.stdout.includes('group/gone'), 'not in the configuration any more');

  const one = await plugin(['status', 'production', 'shop', '-n', ns, '--exit-code']);
  t.is(one.code, 0, one.stdout);
  t.is(one.stdout.split('\n').length, 3);
  t.is((await plugin(['status', 'shop', '-n', ns])).stdout.split('\n').length, 3, 'a project alone');
  for (const project of ['group/INFRA', 'late', 'paused'])
    t.is((await plugin(['status', 'production', project, '-n', ns, '--exit-code'])).code, 1, project);

  const json: unknown = JSON.parse((await plugin(['status', '-n', ns, '-o', 'json'])).stdout);
  t.is(validator()(json), '');
  t.deepEqual(
    (load((await plugin(['status', '-n', ns, '-o', 'yaml'])).stdout) as { agents: unknown[] }).agents.length,
    1,
  );
  const { agents } = json as { agents: { leader: string; projects: { project: string; sync: string }[] }[] };
  t.is(agents[0]!.leader, 'agent-0');
  t.deepEqual(
    agents[0]!.projects.map(({ project, sync }) => [project, sync]),
    [
      ['group/infra', 'Failed'],
      ['group/paused', 'Suspended'],
      ['group/shop', 'Synced'],
      ['late', 'Pending'],
    ],
  );
  t.regex(
    (await plugin(['status', '-n', ns, '-o', 'wide'])).stdout,
    /^NAMESPACE +AGENT .* ENTRY +REF +OBJECTS +BY\n/,
  );
});

test('what is wrong with agents themselves is said, and makes the exit code 2 where nobody can tell', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'dead');
  await leaseObject(ns, 'dead', { renewedAt: new Date(Date.now() - 600_000) });
  await agentObject(ns, 'left');
  await leaseObject(ns, 'left', { holder: '' });
  await agentObject(ns, 'never', { version: '0.0.1' });
  await agentObject(ns, 'broken', {
    configuration: {
      project: 'group/agents',
      applied: FIRST,
      observed: SECOND,
      problems: ['.gitlab/agents/broken/config.yaml:3:5: unknown key "prun" (did you mean prune?)'],
    },
    removed: { old: 'its objects were left as they are (on_removal: orphan)' },
  });
  await holdLease(t, ns, 'broken');
  await parentObject(ns, 'silent', 'shop', { status: {} });
  await holdLease(t, ns, 'silent');
  const { stdout, code } = await plugin(['status', '-n', ns, '--exit-code']);
  t.is(code, 2);
  const text = stdout.replaceAll(/\n {2}/g, ' ');
  t.regex(
    text,
    /\ndead: not running: nothing was heard of it since 10m; its last leader was the Pod agent-0, which is gone\n/,
  );
  t.regex(text, /\nleft: not running: nobody has led it since \d+s, all replicas have ended\n/);
  t.regex(
    text,
    /\nnever: not running: it has never had a leader here \(no Lease\)\nnever: it runs v0\.0\.1, and this is v0\.1\.0\n/,
  );
  t.regex(
    text,
    /broken: \.gitlab\/agents\/broken\/config\.yaml:3:5: unknown key "prun" \(did you mean prune\?\); 11111111 stays in force\n/,
  );
  t.regex(text, /\nbroken: old left the configuration: its objects were left as they are/);
  t.regex(text, /\nsilent: it has not said anything of itself yet/);
  t.is((await plugin(['status', 'broken', '-n', ns, '--exit-code'])).code, 1);
});

test('a Lease that looks old and is renewed is a clock that differs', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'far');
  await holdLease(t, ns, 'far', -3_600_000);
  const { stdout, code } = await plugin(['status', '-n', ns, '--exit-code']);
  t.regex(
    stdout.replaceAll('\n  ', ' '),
    /^far: the clock of this machine is about 360\d s ahead of the agent's: ages are off by that\n/,
  );
  t.is(code, 0);
});

test('names that fit nothing, or too much, and places without rights', async (t) => {
  const ns = await namespace(t);
  const other = await namespace(t);
  for (const within of [ns, other]) {
    await agentObject(within, `a-${ns.slice(-8)}`);
    await holdLease(t, within, `a-${ns.slice(-8)}`);
  }
  await agentObject(ns, 'b');
  await holdLease(t, ns, 'b');
  for (const [agent, entry] of [
    [`a-${ns.slice(-8)}`, 'x'],
    [`a-${ns.slice(-8)}`, 'y'],
    ['b', 'x'],
  ] as const)
    await parentObject(ns, agent, entry, { project: `group/${entry === 'y' ? 'x' : entry}`, status: {} });
  const name = `a-${ns.slice(-8)}`;
  const user = await serviceAccount(ns, 'reader');
  const rights = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }];
  const nobody = await serviceAccount(ns, 'nobody');
  await grant(user, rights, { namespace: ns });
  const cases: [string[], RegExp, RegExp | undefined][] = [
    [['c', '-n', ns], /^error: there is no agent or project "c"$/, /^hint: there are a-\S+, b$/],
    [
      ['b', 'nope', '-n', ns],
      /^error: the agent b has no manifest project "nope"$/,
      /^hint: it has group\/x$/,
    ],
    [[name], /^error: there are 2 agents called a-\S+$/, /^hint: say which: t-\S+\/a-\S+, t-\S+\/a-\S+$/],
    [
      [name, 'group/x', '-n', ns],
      /^error: 2 entries of the agent a-\S+ are for group\/x$/,
      /^hint: name the entry: x, y$/,
    ],
    [
      ['group/x', '-n', ns],
      /^error: 2 agents have a project group\/x$/,
      /^hint: name the agent, too: a-\S+ group\/x, b group\/x$/,
    ],
    [['a', 'b', 'c', '-n', ns], /^error: status takes an agent and a project, not "c"$/, undefined],
    [['-n', 'default'], /^error: there is no agent in the namespace default$/, /^hint: leave out -n/],
    [['--kubeconfig', user.kubeconfig, '--context', 'nowhere'], /nowhere/, undefined],
    [['--kubeconfig', '/nowhere/at/all'], /nowhere\/at\/all/, undefined],
    [
      ['--kubeconfig', nobody.kubeconfig],
      /^error: agents can't be looked for in default and gitlab-agent: .*forbidden/,
      /^hint: -n NAMESPACE/,
    ],
    [
      ['--kubeconfig', nobody.kubeconfig, '-n', ns],
      /^error: agents can't be looked for in t-.*forbidden/,
      /^hint: -n NAMESPACE/,
    ],
    [
      ['-w', '--exit-code'],
      /^error: -w and --exit-code exclude each other/,
      /^hint: kubectl gitlab-agent wait/,
    ],
  ];
  for (const [args, error, hint] of cases) {
    const result = await plugin(['status', ...args]);
    const lines = result.stderr.split('\n');
    t.regex(lines[0]!, error, args.join(' '));
    if (hint) t.regex(lines[1]!, hint);
    t.is(result.code, 2, args.join(' '));
    t.is(result.stdout, '');
    t.false(result.stderr.includes('    at '));
  }
  t.is((await plugin(['status', `${ns}/${name}`, 'y'])).code, 0, 'NAMESPACE/NAME');
  const few = await plugin(['status', 'b', '-n', ns, '--kubeconfig', user.kubeconfig]);
  t.regex(few.stdout, /^b: whether it runs can't be told: .*leases/);
  t.regex(few.stdout, /\nb +group\/x .* Synced +healthy +\?\n/);
});

test('the tree opens what is not well down to the Pod', async (t) => {
  const ns = await namespace(t);
  await kubectl(['-n', ns, 'create', 'configmap', 'settings']);
  await agentObject(ns, 'test');
  await holdLease(t, ns, 'test');
  await parentObject(ns, 'test', 'shop', {
    status: {},
    inventory: { objects: { [`configmap -n ${ns}`]: { settings: 'a.yaml:1', gone: 'a.yaml:5' } } },
  });
  const { stdout } = await plugin(['status', '-n', ns, '-o', 'tree']);
  t.regex(
    stdout,
    new RegExp(
      `^test -n ${ns}, v0\\.1\\.0, led by agent-0\n└─ group/shop {2}Synced 11111111 \\d+s, healthy\n`,
    ),
  );
  t.regex(stdout, /\n {3}✗ configmap\/gone -n \S+:\s+missing, it is not in the cluster\n/);
});

test('-w appends a line for each change where there is no terminal, without polling', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'test');
  await holdLease(t, ns, 'test');
  await parentObject(ns, 'test', 'shop', { status: {} });
  const { child, soFar, done } = startPlugin(['status', '-w', '-n', ns, '-v=6']);
  t.teardown(async () => void child.kill());
  await waitFor(async () => soFar.stdout.includes('group/shop: Synced'), { what: 'the first lines' });
  await kubectl(['-n', ns, 'annotate', 'cm', 'gitlab-agent.test.shop', 'agent.gitlab.com/suspend=lunch']);
  await waitFor(async () => soFar.stdout.includes('Suspended: lunch'), { what: 'the change' });
  await kubectl(['-n', ns, 'delete', 'cm', 'gitlab-agent.test.shop']);
  await waitFor(async () => soFar.stdout.includes('test group/shop is gone'), { what: 'the end of it' });
  child.kill('SIGINT');
  const { code, stdout, stderr } = await done;
  t.is(code, 130);
  t.is(stdout.split('\n').length, 4, stdout);
  t.true(stderr.split('\n').filter((line) => line.includes('GET')).length <= 8, stderr);
});

test('-w ends where its reader has gone away', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'test');
  await holdLease(t, ns, 'test');
  await parentObject(ns, 'test', 'shop', { status: {} });
  const { child, soFar, done } = startPlugin(['status', '-w', '-n', ns]);
  t.teardown(async () => void child.kill());
  await waitFor(async () => soFar.stdout.includes('group/shop: Synced'), { what: 'the first lines' });
  child.stdout.destroy();
  await kubectl(['-n', ns, 'annotate', 'cm', 'gitlab-agent.test.shop', 'agent.gitlab.com/suspend=lunch']);
  const { code, stderr } = await done;
  t.is(code, 0);
  t.is(stderr, '');
});

test('-w -o tree appends a tree for each change where there is no terminal, and none for the time that goes by', async (t) => {
  const ns = await namespace(t);
  await kubectl(['-n', ns, 'create', 'configmap', 'settings']);
  await agentObject(ns, 'test');
  await holdLease(t, ns, 'test');
  await parentObject(ns, 'test', 'shop', {
    status: {},
    inventory: { objects: { [`configmap -n ${ns}`]: { settings: 'a.yaml:1' } } },
  });
  const { child, soFar, done } = startPlugin(['status', '-w', '-o', 'tree', '-n', ns]);
  t.teardown(async () => void child.kill());
  const trees = (): string[] => soFar.stdout.split(/^(?=test -n )/m).filter((text) => text !== '');
  await waitFor(async () => /✓ 1 configmap/.test(soFar.stdout), { what: 'the first tree' });
  const age = (text: string): number => Number(/Synced \S+ (\d+)s/.exec(text)?.[1]);
  const before = trees().length;
  const shown = age(trees().at(-1)!);
  // Its age has changed by then on any screen that is drawn anew.
  await waitFor(async () => age((await plugin(['status', '-n', ns, '-o', 'tree'])).stdout) > shown + 2, {
    what: 'time to go by',
  });
  t.is(trees().length, before, soFar.stdout);
  await kubectl(['-n', ns, 'annotate', 'cm', 'gitlab-agent.test.shop', 'agent.gitlab.com/suspend=lunch']);
  await waitFor(async () => /Suspended/.test(trees().at(-1)!), { what: 'the change' });
  t.is(trees().length, before + 1, soFar.stdout);
  child.kill('SIGINT');
  t.is((await done).code, 130);
});

test('a reader that goes away ends nothing with noise', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'test');
  await holdLease(t, ns, 'test');
  const { child, done } = startPlugin(['status', '-n', ns]);
  child.stdout.destroy();
  const { code, stderr } = await done;
  t.is(code, 0);
  t.is(stderr, '');
  t.is(firstLine({ stderr }), '');
});
