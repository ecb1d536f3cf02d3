import test from 'ava';
import { AgentProcess } from '../support/agent.ts';
import { agentObject, holdLease, leaseObject, parentObject } from '../support/agent-objects.ts';
import {
  accessOf,
  apiCall,
  apiRequest,
  grant,
  namespace,
  serviceAccount,
  sharedCluster,
  waitFor,
} from '../support/cluster.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';
import { LogNode } from '../support/log-node.ts';
import { PLUGIN, type PluginOptions, plugin, type RunningPlugin, startPlugin } from '../support/plugin.ts';

const env = { TZ: 'UTC' };
const line = (msg: string, fields: Record<string, unknown> = {}): string =>
  JSON.stringify({ level: 'info', time: '2026-01-02T03:04:05.678Z', msg, ...fields });
const messages = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((one) => one.replace(/^.*? info {2}/, ''));

const leasePath = (within: string, agent: string): string =>
  `/apis/coordination.k8s.io/v1/namespaces/${within}/leases/gitlab-agent.${agent}`;

/** Another Pod holds the Lease from now on; '' for nobody. */
async function lead(within: string, agent: string, holder: string): Promise<void> {
  const admin = accessOf(sharedCluster());
  const now = new Date().toISOString().replace('Z', '000Z');
  await waitFor(
    async () => {
      const live = await apiCall(admin, 'GET', leasePath(within, agent));
      const spec = { ...live.spec, holderIdentity: holder, acquireTime: now, renewTime: now };
      return (await apiRequest(admin, 'PUT', leasePath(within, agent), { ...live, spec })).status === 200;
    },
    { what: 'the Lease to be taken' },
  );
}

/** One that would go on where the test fails before it ends it. */
function following(
  t: { teardown(end: () => void): void },
  args: readonly string[],
  options: PluginOptions,
): RunningPlugin {
  const running = startPlugin(args, options);
  t.teardown(() => void running.child.kill('SIGKILL'));
  return running;
}

test('what a real agent says, for people and as it is', async (t) => {
  const endpoint = sharedCluster();
  const ns = await namespace(t);
  await using gitlab = await startGitLab();
  const config = await gitlab.createProject('group/agents');
  const shop = await gitlab.createProject('group/shop');
  const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: ns } };
  const commit = await shop.commit({ 'manifest.yaml': JSON.stringify(manifest) });
  await config.commit({
    '.gitlab/agents/test/config.yaml':
      'gitops:\n  manifest_projects:\n  - {id: group/shop, name: shop}\n  - {id: group/gone, name: gone}\n',
  });
  const { value: token } = gitlab.root.createToken({ scopes: ['read_repository'] });
  await using agent = new AgentProcess({
    endpoint,
    gitlab,
    configProject: config,
    namespace: ns,
    gitToken: { token },
  });
  await agent.said('Objects are healthy', { commit });
  await agent.said('GitOps: repository poll failed', { entry: 'gone' });
  await using node = await LogNode.start();
  const log = await node.pod(ns, 'agent-0', { containers: ['sidecar', 'agent'] });
  for (const said of agent.lines) log.write(JSON.stringify(said), Date.parse(said.time));
  log.write('FATAL ERROR: \u001b[31mheap');

  const all = await plugin(['logs', '-n', ns], { env });
  t.is(all.stderr, '');
  t.is(all.code, 0);
  t.is(all.stdout.trimEnd().split('\n').length, log.lines.length);
  t.regex(
    all.stdout,
    /^\S+ info {2}Starting version=\S+ pod=agent-0\n\d\d:\d\d:\d\d info {2}Observability endpoint is up port=\d+\n/,
  );
  t.regex(
    all.stdout,
    new RegExp(
      `\\n\\S+ info {2}group/shop Objects synchronized commit=${commit.slice(0, 12)} written=1 objects=1\\n`,
    ),
  );
  t.regex(all.stdout, /\n\S+ error group\/gone GitOps: repository poll failed: .*\n/);
  t.true(all.stdout.endsWith('\nFATAL ERROR: \\x1b[31mheap\n'));
  t.is(node.asked[0]!.query.toString(), 'timestamps=true');

  const raw = await plugin(['logs', 'test', '-n', ns, '-o', 'json', '--project', 'shop'], { env });
  const own = agent.lines.filter(({ entry }) => entry === 'shop').map((said) => JSON.stringify(said));
  t.is(raw.stdout, `${own.join('\n')}\n`);
  const errors = await plugin(['logs', '-n', ns, '--project=group/gone', '--level', 'error'], { env });
  t.true(
    errors.stdout
      .trimEnd()
      .split('\n')
      .every((one) => / error group\/gone /.test(one)),
    errors.stdout,
  );
  const last = await plugin(['logs', 'shop', '-n', ns, '--tail', '2', '-ojson'], { env });
  t.is(last.stdout, `${own.slice(-2).join('\n')}\n`, 'of the lines of that project');
  t.is((await plugin(['logs', '-n', ns, '--tail=1'], { env })).stdout, 'FATAL ERROR: \\x1b[31mheap\n');
  t.is(node.asked.at(-1)!.query.get('tailLines'), '1', 'where nothing is chosen the node counts');
  log.lines[0]!.at -= 7_200_000;
  const recent = await plugin(['logs', '-n', ns, '--since=1h30m'], { env });
  t.is(recent.stdout, all.stdout.slice(all.stdout.indexOf('\n') + 1));
  const colored = await plugin(['logs', '-n', ns, '--color=always', '--level=error'], { env });
  t.regex(colored.stdout, /^\x1b\[2m[\d:]+\x1b\[22m \x1b\[31merror\x1b\[39m \x1b\[36mgroup\/gone\x1b\[39m /);

  log.previous = [line('Leading'), 'panic'];
  const before = await plugin(['logs', '-n', ns, '-p'], { env: { ...env } });
  t.is(before.stdout, '01-02 03:04:05 info  Leading\npanic\n');
});

test('--follow goes on with whoever leads, through whatever breaks', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'production');
  await holdLease(t, ns, 'production');
  await using node = await LogNode.start();
  const first = await node.pod(ns, 'agent-0');
  const second = await node.pod(ns, 'agent-1');
  first.write(line('old'));
  first.write(line('one'));
  second.write(line('long ago'), Date.now() - 600_000);
  second.write(line('standing by'));
  const { child, soFar, done } = following(t, ['logs', '-fn', ns, '--tail', '1', '--request-timeout=2s'], {
    env,
  });
  const said = (text: string): Promise<unknown> =>
    waitFor(async () => soFar.stdout.includes(text), { what: `${text} to be shown` }).catch(
      (error: Error) => {
        throw new Error(`${error.message}\n${soFar.stdout}\n${soFar.stderr}`);
      },
    );
  await said('one');
  await waitFor(async () => first.followers.size === 1, { what: 'somebody to follow' });
  const asked = node.asked.length;
  first.write(line('grün 🐢'));
  await said('grün 🐢');
  for (const how of ['destroy', 'end'] as const) {
    // In the middle of the line, and of a character in it.
    const text = line(`torn 東京 ${how}`);
    first.tear(text, 32 + Buffer.byteLength(text.slice(0, text.indexOf('京'))) + 1, how);
    await waitFor(async () => first.followers.size === 1, { what: 'it to be followed again' });
    await said(`torn 東京 ${how}`);
  }
  t.true(node.asked.length >= asked + 2);
  t.is(soFar.stderr.replace(/(warning: .*|.* …)\n/g, ''), '');

  // It gives the Lease back, says its last words, and another one takes over.
  await lead(ns, 'production', '');
  first.write(line('last words'));
  first.end();
  await said('last words');
  await lead(ns, 'production', 'agent-1_00000001');
  await said('standing by');
  second.write(line('two'));
  await said('two');
  // Back again: what was shown of it is not shown again, and what it said meanwhile is not lost.
  first.write(line('meanwhile'));
  // Written, and not yet on its way to those who follow.
  second.lines.push({ at: Date.now() + 1, text: line('at last') });
  await lead(ns, 'production', 'agent-0_00000002');
  await said('meanwhile');
  // The container is restarted.
  first.end();
  first.refusal = {
    status: 400,
    text: 'container "agent" in pod "agent-0" is waiting to start: ContainerCreating',
  };
  await waitFor(async () => soFar.stderr.includes('ContainerCreating'), { what: 'the wait to be told' });
  first.refusal = undefined;
  first.write(line('restarted'));
  await said('restarted');
  child.kill('SIGINT');
  const { code, stdout, stderr } = await done;
  t.is(code, 130);
  t.deepEqual(messages(stdout), [
    'one',
    'grün 🐢',
    'torn 東京 destroy',
    'torn 東京 end',
    'last words',
    'standing by',
    'two',
    'at last',
    'meanwhile',
    'restarted',
  ]);
  t.deepEqual(
    stderr
      .trimEnd()
      .split('\n')
      .filter((one) => !/broke|breaks|ended/.test(one)),
    [
      'notice: production is led by the Pod agent-1 now, no longer by agent-0',
      'notice: production is led by the Pod agent-0 now, no longer by agent-1',
      'warning: the container agent of the Pod agent-0 has no log yet: ContainerCreating; trying again',
    ],
  );
});

test('--follow waits for a leader, and --tail counts the lines that are wanted', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'production', { entries: ['shop'] });
  await parentObject(ns, 'production', 'shop', { status: {} });
  await leaseObject(ns, 'production', { holder: '', renewedAt: new Date(Date.now() - 300_000) });
  await using node = await LogNode.start();
  const log = await node.pod(ns, 'agent-0');
  for (const msg of ['a', 'b', 'c']) log.write(line(msg, { project: 'group/shop', entry: 'shop' }));
  log.write(line('of nobody'));
  const { child, soFar, done } = following(
    t,
    ['logs', 'production', '-n', ns, '-f', '--project=shop', '--tail=2'],
    {
      env,
    },
  );
  await waitFor(async () => soFar.stderr.includes('waiting for the next leader'), { what: 'it to wait' });
  t.regex(
    soFar.stderr,
    /^notice: production is not running: nobody has led it since 5m, all replicas have ended\n/m,
  );
  await lead(ns, 'production', 'agent-0_00000001');
  await waitFor(async () => soFar.stdout.includes('c\n'), { what: 'the last lines' });
  await waitFor(async () => log.followers.size === 1, { what: 'somebody to follow' });
  log.write(line('d', { project: 'group/shop', entry: 'shop' }));
  await waitFor(async () => soFar.stdout.includes('d\n'), { what: 'the next line' });
  child.kill('SIGTERM');
  t.is((await done).code, 143);
  t.deepEqual(messages(soFar.stdout), ['group/shop b', 'group/shop c', 'group/shop d']);
});

test('--follow where the Lease may not be watched, and the Pod that it names is gone', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'production');
  await leaseObject(ns, 'production', { holder: 'agent-9_00000009' });
  await using node = await LogNode.start();
  const first = await node.pod(ns, 'agent-0');
  const second = await node.pod(ns, 'agent-1');
  const user = await serviceAccount(ns, 'reader');
  const rule = (apiGroup: string, resource: string, ...verbs: string[]) => ({
    apiGroups: [apiGroup],
    resources: [resource],
    verbs,
  });
  const rules = [
    rule('', 'configmaps', 'get', 'list'),
    rule('', 'pods', 'get'),
    rule('', 'pods/log', 'get'),
    rule('coordination.k8s.io', 'leases', 'get'),
  ];
  await grant(user, rules, { namespace: ns });
  const { child, soFar, done } = following(t, ['logs', '-n', ns, '-f', '--kubeconfig', user.kubeconfig], {
    env,
  });
  await waitFor(async () => /waiting for the next leader/.test(soFar.stderr), { what: 'it to wait' });
  t.regex(
    soFar.stderr,
    /warning: there is no Pod agent-9 in the namespace \S+ any more: its log went with it; waiting for the next leader\n/,
  );
  first.write(line('one'));
  await lead(ns, 'production', 'agent-0_00000001');
  await waitFor(async () => soFar.stdout.includes('one') && first.followers.size === 1, {
    what: 'the leader',
  });
  await lead(ns, 'production', 'agent-1_00000001');
  second.write(line('two'));
  first.end();
  await waitFor(async () => soFar.stdout.includes('two'), { what: 'the next leader' });
  child.kill('SIGINT');
  t.is((await done).code, 130);
  t.regex(
    soFar.stderr,
    /warning: the Lease can't be watched, another leader is noticed once this log ends: leases.* is forbidden/,
  );
});

test('an agent that ends before it leads, again and again: its newest Pod says why', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'production');
  await leaseObject(ns, 'production', { holder: '', renewedAt: new Date(Date.now() - 300_000) });
  await using node = await LogNode.start();
  const other = await node.pod(ns, 'other-0', { args: ['--agent-name=production-2'] });
  other.write(line('of another agent'));
  t.regex((await plugin(['logs', '-n', ns], { env })).stderr, /, and none of its Pods is there: /);
  const log = await node.pod(ns, 'agent-0', { args: ['--agent-name=production'] });
  log.write('error: --gitlab-url is missing');
  const shown = await plugin(['logs', '-n', ns], { env });
  t.is(shown.stdout, 'error: --gitlab-url is missing\n');
  t.is(
    shown.stderr,
    'notice: production is not running: nobody has led it since 5m, all replicas have ended; this is the log of the Pod agent-0\n',
  );
  const next = await node.pod(ns, 'agent-1');
  const { child, soFar, done } = following(t, ['logs', '-n', ns, '-f'], { env });
  await waitFor(async () => soFar.stdout.includes('missing') && log.followers.size === 1, {
    what: 'it to be followed',
  });
  next.write(line('Leading'));
  await lead(ns, 'production', 'agent-1_00000001');
  await waitFor(async () => soFar.stdout.includes('Leading'), { what: 'the next leader' });
  child.kill('SIGINT');
  t.is((await done).code, 130);
});

test('a reader that has enough ends it without a word', async (t) => {
  const ns = await namespace(t);
  await agentObject(ns, 'production');
  await holdLease(t, ns, 'production');
  await using node = await LogNode.start();
  const log = await node.pod(ns, 'agent-0');
  log.write(line('first'));
  const script = `${process.execPath} ${PLUGIN} logs -f -n ${ns} | head -n 1; echo "code $\{PIPESTATUS[0]}"`;
  const { soFar, done } = following(t, ['-c', script], { program: ['bash'], env });
  await waitFor(async () => soFar.stdout.includes('first'), { what: 'the first line' });
  await waitFor(
    async () => {
      log.write(line('more'));
      return log.followers.size === 0;
    },
    { what: 'it to stop following' },
  );
  t.like(await done, { stdout: '01-02 03:04:05 info  first\ncode 0\n', stderr: '' });

  // Much more than a pipe holds, to somebody who reads slowly and then no more.
  for (let count = 0; count < 20_000; count += 1)
    log.lines.push({ at: Date.now(), text: line('x'.repeat(100)) });
  const many = `${process.execPath} ${PLUGIN} logs -n ${ns} | (sleep 1; head -n 15000 | tail -n 1)`;
  const { code, stderr } = await startPlugin(['-c', many], { program: ['bash'], env }).done;
  t.is(code, 0);
  t.is(stderr, '');
  const whole = await plugin(['logs', '-n', ns], { env });
  t.is(whole.stdout.trimEnd().split('\n').length, log.lines.length);
});

test('why there is no log', async (t) => {
  const ns = await namespace(t);
  await using node = await LogNode.start();
  const logs = async (...args: string[]) => plugin(['logs', '-n', ns, ...args], { env });
  t.regex((await logs()).stderr, /^error: there is no agent in the namespace t-why/);
  await agentObject(ns, 'production');
  const never = await logs();
  t.is(never.code, 2);
  t.is(
    never.stderr,
    `error: production is not running: it has never had a leader here (no Lease), and none of its Pods is there: its log went with them\nhint: -f waits for the next leader; kubectl get pods -n ${ns} shows what runs there\n`,
  );
  await leaseObject(ns, 'production', { renewedAt: new Date(Date.now() - 600_000) });
  t.is(
    (await logs()).stderr,
    `error: there is no Pod agent-0 in the namespace ${ns} any more: its log went with it\nhint: -f waits for the next leader; kubectl gitlab-agent status says whether there is one\n`,
  );
  const log = await node.pod(ns, 'agent-0');
  log.write(line('the end'));
  const stale = await logs();
  t.is(stale.code, 0);
  t.is(stale.stdout, '01-02 03:04:05 info  the end\n');
  t.regex(
    stale.stderr,
    /^notice: production is not running: nothing was heard of it since 10m; its last leader was the Pod agent-0.*; this is the log of the Pod agent-0\n$/,
  );
  await holdLease(t, ns, 'second');
  await agentObject(ns, 'second');
  t.regex(
    (await logs()).stderr,
    /^error: there are 2 agents: production, second\nhint: name one: kubectl gitlab-agent logs production\n/,
  );
  t.regex(
    (await logs('second', '-p')).stderr,
    /^error: there is no earlier log: the container agent of the Pod agent-0 has not been restarted\nhint: without -p/,
  );
  t.regex(
    (await logs('second', '--project', 'shop')).stderr,
    /^error: the agent second has no manifest project "shop"\n/,
  );
  t.regex((await logs('--project', 'shop')).stderr, /^error: no agent has a manifest project "shop"\nhint: /);
  log.refusal = {
    status: 400,
    text: 'container "agent" in pod "agent-0" is waiting to start: ContainerCreating',
  };
  t.regex(
    (await logs('second')).stderr,
    /^error: the container agent of the Pod agent-0 has no log yet: ContainerCreating\nhint: -f waits for it; kubectl describe pod agent-0 -n /,
  );
  log.refusal = undefined;

  const user = await serviceAccount(ns, 'reader');
  const read = (resources: string[], apiGroup = '') => ({
    apiGroups: [apiGroup],
    resources,
    verbs: ['get', 'list', 'watch'],
  });
  const asUser = (...args: string[]) => logs('second', '--kubeconfig', user.kubeconfig, ...args);
  await grant(user, [read(['configmaps'])], { namespace: ns });
  t.regex(
    (await asUser()).stderr,
    /^error: which Pod leads second can't be told: leases.* is forbidden.*\nhint: it needs the right to get leases \(coordination\.k8s\.io\) in the namespace /,
  );
  await grant(user, [read(['leases'], 'coordination.k8s.io')], { namespace: ns });
  for (const more of [[], ['-f']]) {
    const forbidden = await asUser(...more);
    t.is(forbidden.code, 2);
    t.regex(
      forbidden.stderr,
      /^error: the log of the Pod agent-0 can't be read: pods "agent-0" is forbidden: User "system:serviceaccount:.*" cannot get resource "pods\/log".*\nhint: it needs the right to get pods\/log in the namespace \S+\n$/,
    );
  }
  await grant(user, [read(['pods/log'])], { namespace: ns });
  t.is((await asUser()).stdout, '01-02 03:04:05 info  the end\n', 'without the right to read Pods');

  await node.stop();
  const away = await logs('second');
  t.is(away.code, 2);
  t.regex(
    away.stderr,
    new RegExp(
      `^error: the API server can't get the log of the Pod agent-0 from its node ${node.name}: dial tcp .*\nhint: kubectl get node ${node.name} says whether it is up\n$`,
    ),
  );
});

test('what is typed wrong is said', async (t) => {
  const usage = async (...args: string[]): Promise<string> => (await plugin(['logs', ...args])).stderr;
  t.regex(await usage('-fp'), /^error: -p and -f exclude each other/);
  t.regex(await usage('--tail', 'x'), /^error: --tail needs a whole number\n/);
  t.regex(
    await usage('--since=yesterday'),
    /^error: "yesterday" is no duration\nhint: write it as 30s, 15m or 2h\n/,
  );
  t.regex(await usage('--level', 'loud'), /^error: --level can't be "loud"\n/);
  t.regex(await usage('a', 'b'), /^error: logs takes one agent, not "b"\n/);
});
