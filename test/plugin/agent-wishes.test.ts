import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AgentProcess, entryStatus } from '../support/agent.ts';
import { agentObject, FIRST, holdLease, parentObject, SECOND } from '../support/agent-objects.ts';
import {
  accessOf,
  apiCall,
  apiRequest,
  kubectl,
  namespace,
  sharedCluster,
  waitFor,
} from '../support/cluster.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';
import { personEnvironment } from '../support/person.ts';
import { plugin, startPlugin } from '../support/plugin.ts';

const configMap = (within: string, name: string, data: Record<string, string>): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: within }, data });

const web = (within: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: within },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'registry.example.com/web:1' }] },
    },
  },
});

/** Never runs: no node has such a label. */
const stuck = (within: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'stuck', namespace: within },
    spec: {
      nodeSelector: { 'no-such': 'node' },
      containers: [{ name: 'a', image: 'registry.example.com/a:1' }],
    },
  });

test('sync, suspend, resume and wait with an agent that runs', async (t) => {
  const endpoint = sharedCluster();
  const ns = await namespace(t);
  await using gitlab = await startGitLab();
  const config = await gitlab.createProject('group/agents');
  const shop = await gitlab.createProject('group/shop');
  const first = await shop.commit({ 'manifest.yaml': configMap(ns, 'a', { x: '1' }) });
  await config.commit({
    '.gitlab/agents/test/config.yaml':
      'gitops:\n  manifest_projects:\n  - id: group/shop\n    name: shop\n    interval: 1h\n',
  });
  const { value: token } = gitlab.root.createToken({ scopes: ['api', 'read_repository'] });
  await using agent = new AgentProcess({
    endpoint,
    gitlab,
    configProject: config,
    namespace: ns,
    apiToken: token,
    gitToken: { token },
  });
  const env = personEnvironment(t, gitlab, token);
  const run = (command: string, ...args: string[]) => plugin([command, ...args, '-n', ns], { env });
  await agent.said('Objects are healthy', { commit: first });

  const waited = await run('wait', 'test', 'shop', '--commit', first);
  t.is(waited.stdout, `group/shop: synced and healthy at ${first.slice(0, 12)}\n`);
  t.is(waited.code, 0);
  const synced = await run('sync', '--wait');
  t.is(synced.stdout, `group/shop: synced and healthy at ${first.slice(0, 12)}\n`, synced.stderr);
  t.is(synced.code, 0);
  t.is(((await entryStatus(endpoint, ns, 'shop')) as unknown as { trigger: string }).trigger, 'sync');
  const status = await run('status', '--exit-code');
  t.regex(
    status.stdout,
    new RegExp(`\ntest +group/shop +${first.slice(0, 8)} \\d+s +Synced +healthy +none\n$`),
  );
  t.is(status.code, 0);

  // What others change is mended by a sync, and the status stays whole.
  t.is(
    (await run('suspend', 'test', 'shop', '--reason', 'lunch\u001b[31m')).stdout,
    'group/shop: suspended\n',
  );
  await kubectl(['-n', ns, 'patch', 'cm', 'a', '--type=merge', '-p', '{"data":{"x":"9"}}']);
  const second = await shop.commit({
    'manifest.yaml': `${configMap(ns, 'a', { x: '2' })}\n---\n${JSON.stringify(web(ns))}`,
  });
  const suspended = await run('wait', '--commit', second);
  t.is(suspended.code, 1);
  t.regex(suspended.stdout, /^group\/shop: it is suspended: lunch\\x1b\[31m\n/);
  const refused = await run('sync', '--wait');
  t.is(refused.code, 2);
  t.regex(
    refused.stderr,
    /^notice: group\/shop: suspended, and left alone: lunch.*\nerror: nothing was asked of the agent test\nhint: /,
  );
  t.is((await apiCall(accessOf(endpoint), 'GET', `/api/v1/namespaces/${ns}/configmaps/a`)).data.x, '9');
  t.is((await run('resume', 'shop')).stdout, 'group/shop: resumed\n');
  t.is((await run('resume', 'shop')).stdout, 'group/shop: was not suspended\n');
  const done = await run('wait', '--commit', second);
  t.is(done.stdout, `group/shop: synced and healthy at ${second.slice(0, 12)}\n`);

  // An older commit counts, because the newer one contains it; the repository says so.
  const older = await run('wait', '--commit', first);
  t.is(older.code, 0);
  t.is(
    older.stdout,
    `group/shop: synced and healthy at ${second.slice(0, 12)} (${second.slice(0, 12)} contains ${first.slice(0, 12)})\n`,
  );
  const stranger = await plugin(['wait', '--commit', first, '-n', ns, '--timeout', '3s'], {
    env: personEnvironment(t, gitlab, undefined),
  });
  t.is(stranger.code, 1);
  t.regex(stranger.stdout, /whether that contains \S+ can't be told \(\S+ can't be read: /);
  t.false(stranger.stdout.includes(token));

  // Drift that is mended is told, and leaves the status whole.
  await kubectl(['-n', ns, 'scale', 'deployment/web', '--replicas=1']);
  await waitFor(async () => /healthy +fixed/.test((await run('status')).stdout), { what: 'the repair' });

  // A failure ends a wait at once, with its story.
  const third = await shop.commit({
    'manifest.yaml': `${configMap(ns, 'a', { x: '3' })}\n---\n${stuck(ns)}`,
  });
  const waiting = await run('wait', '--commit', third, '--timeout', '20s');
  t.is(waiting.code, 1);
  t.regex(waiting.stdout, /pod\/stuck/);
  const fourth = await shop.commit({
    'manifest.yaml': configMap(ns, 'a', { x: '4' }).replace('"data"', '"dada"'),
  });
  const failed = await run('wait', '--commit', fourth);
  t.is(failed.code, 1, failed.stdout);
  t.regex(failed.stdout, /^group\/shop: ApplyFailed: 1 of /);
  t.is((await run('sync', '--wait')).code, 2);
});

function made(t: ExecutionContext, status: object = {}): Promise<string> {
  return namespace(t).then(async (ns) => {
    await agentObject(ns, 'test');
    await holdLease(t, ns, 'test');
    await parentObject(ns, 'test', 'shop', {
      status,
      entry: { repository: { url: 'https://gitlab.invalid/group/shop.git' } },
    });
    return ns;
  });
}

test('wishes are annotations beside what the agent applies; errors are one sentence', async (t) => {
  const ns = await made(t);
  const annotations = async (): Promise<Record<string, string>> =>
    (
      (
        await apiRequest(
          accessOf(sharedCluster()),
          'GET',
          `/api/v1/namespaces/${ns}/configmaps/gitlab-agent.test.shop`,
        )
      ).body as { metadata: { annotations: Record<string, string> } }
    ).metadata.annotations;
  const asked = await plugin(['sync', '-n', ns]);
  t.is(asked.stdout, 'group/shop: asked for a pass\n');
  t.regex((await annotations())['agent.gitlab.com/sync-requested-at']!, /^\d{4}-.*Z$/);
  const allowed = await plugin(['sync', 'test', 'shop', '--prune-allow', FIRST.slice(0, 8), '-n', ns]);
  t.is(allowed.code, 0, allowed.stderr);
  t.is((await annotations())['agent.gitlab.com/prune-allow'], FIRST);
  await plugin(['suspend', '-n', ns]);
  t.regex((await annotations())['agent.gitlab.com/suspend']!, /^by \S+ since \d{4}-/);
  const cases: [string[], RegExp][] = [
    [['sync', '--prune-allow', '123'], /^error: --prune-allow takes a commit, not "123"\nhint: /],
    [
      ['sync', '--prune-allow', SECOND],
      /^error: group\/shop is not at the commit 2{40}\nhint: it is at 1{12}\n/,
    ],
    [['sync', '--timeout', '5s'], /^error: --timeout says how long to wait, and --wait is missing\n/],
    [['suspend', '--reason', ''], /^error: --reason needs words\n/],
    [['wait', '--commit', 'no-such-name'], /^error: "no-such-name" is no commit that is known here\nhint: /],
    [['wait', '--timeout', 'soon'], /^error: can't read --timeout "soon"\n/],
    [['sync', 'other'], /^error: there is no agent or project "other"\nhint: there is test\n/],
  ];
  for (const [args, error] of cases) {
    const { stderr, code } = await plugin([...args, '-n', ns]);
    t.regex(stderr, error, args.join(' '));
    t.is(code, 2);
  }
  await agentObject(ns, 'second');
  await holdLease(t, ns, 'second');
  for (const command of ['sync', 'suspend', 'resume', 'wait']) {
    const { stderr, code } = await plugin([command, '-n', ns]);
    t.is(
      stderr,
      `error: there are 2 agents: second, test\nhint: name one: kubectl gitlab-agent ${command} second\n`,
    );
    t.is(code, 2);
  }
});

test('a wait that is superseded says by what; one that can not be told, and Ctrl-C', async (t) => {
  const ns = await made(t, {
    wanted: { revision: SECOND, at: '2026-01-01T00:00:00Z' },
    observed: { revision: SECOND, at: '2026-01-01T00:00:00Z' },
    applied: { revision: SECOND, at: '2026-01-01T00:00:00Z' },
  });
  const over = await plugin(['wait', '--commit', FIRST, '--timeout', '2s', '-n', ns]);
  t.is(over.code, 1);
  t.regex(
    over.stdout,
    /^group\/shop: the time is over: (the agent is at 2{12}, and|asking) whether (that|2{12}) contains 1{12}/,
  );
  const { child, done } = startPlugin(['wait', '--commit', FIRST, '-n', ns]);
  setTimeout(() => child.kill('SIGINT'), 1500);
  const { code, stdout } = await done;
  t.is(code, 130);
  t.is(stdout, '');
});

test('what is superseded, is older, or contains the commit is told by the clone in the working directory', async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), 'clone-'));
  t.teardown(() => rmSync(cwd, { recursive: true, force: true }));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', cwd, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      encoding: 'utf8',
    }).trim();
  const commit = (name: string): string => {
    git('commit', '--allow-empty', '-qm', name);
    return git('rev-parse', 'HEAD');
  };
  git('init', '-q', '-b', 'main');
  const base = commit('base');
  const mine = commit('mine');
  const later = commit('later');
  git('checkout', '-q', '-b', 'other', base);
  const other = commit('other');
  const at = (revision: string) => ({ revision, at: new Date().toISOString() });
  const entry = (revision: string) => ({
    wanted: at(revision),
    observed: at(revision),
    applied: at(revision),
  });
  const once = [
    {
      revision: mine,
      result: 'Synced',
      reason: 'Succeeded',
      message: '',
      startedAt: '2026-01-01T00:00:00Z',
      finishedAt: '2026-01-01T00:00:00Z',
      counts: {},
    },
  ];
  const cases: [string, object[], number, RegExp][] = [
    [later, [], 0, /^group\/shop: synced and healthy at (\S+) \(\1 contains \S+\)\n/],
    [other, once, 1, /^group\/shop: \S+ was superseded by \S+, which does not contain it\n/],
    [base, once, 1, /^group\/shop: \S+ was superseded by \S+, which is older\n/],
    [other, [], 1, /^group\/shop: the time is over: the agent is at \S+, which does not contain/],
    [base, [], 1, /^group\/shop: the time is over: the agent is still at/],
  ];
  for (const [revision, history, code, text] of cases) {
    const ns = await namespace(t);
    await agentObject(ns, 'test');
    await holdLease(t, ns, 'test');
    await parentObject(ns, 'test', 'shop', { status: entry(revision), history });
    const args = [
      'wait',
      '--commit',
      mine.slice(0, 10),
      '-n',
      ns,
      ...(text.source.includes('time') ? ['--timeout', '5s'] : []),
    ];
    const result = await plugin(args, { cwd });
    t.regex(result.stdout, text, result.stderr);
    t.is(result.code, code);
  }
});
