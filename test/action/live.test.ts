import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { step, temporaryDirectory } from '../support/action.ts';
import { kubectl, namespace, sharedCluster } from '../support/cluster.ts';
import { clusterApiServer } from '../support/cluster-api-server.ts';
import { plugin } from '../support/plugin.ts';
import { CONFIG, company, config } from './world.ts';

const configMap = (within: string, name: string, x: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: ${within}}\ndata: {x: "${x}"}\n`;

/** The kubeconfig of the shared cluster, as GitLab's agent gives it to jobs: contexts of several agents, none current. */
async function jobKubeconfig(t: ExecutionContext, ...contexts: string[]): Promise<string> {
  const { stdout } = await kubectl(['config', 'view', '--raw', '--flatten', '-o', 'json']);
  const { 'current-context': current, ...view } = JSON.parse(stdout);
  const own = view.contexts.find(({ name }: { name: string }) => name === current);
  const file = join(temporaryDirectory(t), 'kubeconfig');
  writeFileSync(file, JSON.stringify({ ...view, contexts: contexts.map((name) => ({ ...own, name })) }), {
    mode: 0o600,
  });
  return file;
}

test('with the context of the agent, what is live counts; what left the manifests is told, not verified', async (t) => {
  const within = await namespace(t);
  const { gitlab, shop, agents, token } = await company(t);
  await agents.commit({ [CONFIG]: config() });
  const base = await shop.commit({
    'k8s/a.yaml': configMap(within, 'a', '1'),
    'k8s/b.yaml': configMap(within, 'b', '1'),
    'k8s/c.yaml': configMap(within, 'c', '1'),
  });
  // Somebody has changed `a` by hand, and `c` is as the change wants it already.
  for (const text of [
    configMap(within, 'a', 'drift'),
    configMap(within, 'b', '1'),
    configMap(within, 'c', '2'),
  ])
    await kubectl(['apply', '--server-side', '--field-manager=gitlab-agent', '-f', '-'], { input: text });
  const commit = await shop.commit(
    {
      'k8s/b.yaml': null,
      'k8s/c.yaml': configMap(within, 'c', '2'),
      'k8s/d.yaml': configMap(within, 'd', '1'),
    },
    { branch: 'change', from: base },
  );
  const request = await shop.openMergeRequest({ sourceBranch: 'change' });
  const KUBECONFIG = await jobKubeconfig(t, 'group/agents:production', 'group/agents:staging');
  const run = (inputs: Record<string, string> = {}, env: Record<string, string> = {}) =>
    step(
      t,
      {
        gitlab,
        project: shop,
        commit,
        env: {
          KUBECONFIG,
          CI_MERGE_REQUEST_IID: '1',
          CI_MERGE_REQUEST_PROJECT_PATH: shop.path,
          CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
          ...env,
        },
      },
      { mode: 'diff', token, agent: 'production', config_project: 'group/agents', ...inputs },
    );
  const done = await run();
  t.is(done.code, 0, done.log);
  t.like(done.outputs, { create: '1', update: '1', delete: '1', unchanged: '1', unknown: '0' });
  const body = request.notes.find(({ system }) => !system)!.body;
  t.regex(body, /\*\*delete, not verified\*\* \| `configmap\/b/);
  t.regex(body, /-\s+x: drift\n\+\s+x: "1"/);
  t.regex(done.log, /^Compare [0-9a-f]{12} with cluster group\/agents:production$/m);

  const other = await run({ against: 'base' });
  t.like(other.outputs, { create: '1', update: '1', delete: '1', unchanged: '1' });
  t.false(readFileSync(join(other.directory, 'gitlab-agent-report/diff.md'), 'utf8').includes('drift'));
  const missing = await run({ kube_context: 'nowhere' });
  t.is(missing.code, 1);
  t.regex(
    missing.log,
    /KUBECONFIG has no context "nowhere"\nhint: .*there are: group\/agents:production, group\/agents:staging/,
  );
  const none = await run({ against: 'live', agent: 'other', config_project: '' });
  t.regex(none.log, /error: no kube context is chosen/);
  const nothing = await run({ against: 'live' }, { KUBECONFIG: '' });
  t.regex(nothing.log, /error: there is no cluster to compare with: KUBECONFIG is not set/);
});

test('through the agent server with the job token: by the number of the agent, or its name', async (t) => {
  const within = await namespace(t);
  const { gitlab, shop, agents, token } = await company(t);
  await agents.commit({ [CONFIG]: config() });
  const { agent } = gitlab.createAgentToken(agents, 'production');
  const commit = await shop.commit({ 'k8s/a.yaml': configMap(within, 'a', '1') });
  await kubectl(['apply', '--server-side', '--field-manager=gitlab-agent', '-f', '-'], {
    input: configMap(within, 'a', 'drift'),
  });
  const { value: CI_JOB_TOKEN } = shop.createJobToken();
  await using server = await clusterApiServer(sharedCluster(), `ci:${agent.id}:${CI_JOB_TOKEN}`);
  const run = (inputs: Record<string, string>, env: Record<string, string> = { CI_JOB_TOKEN }) =>
    step(
      t,
      { gitlab, project: shop, commit, env: { CI_JOB_TOKEN, ...env } },
      { mode: 'diff', agent_server: `${server.url}/`, ...inputs },
    );
  const byName = await run({ token, agent: 'production', config_project: 'group/agents' });
  t.is(byName.code, 0, byName.log);
  t.like(byName.outputs, { update: '1', unknown: '0' });
  t.regex(byName.log, /^Compare [0-9a-f]{12} with cluster group\/agents:production$/m);
  const byNumber = await run({ agent_id: String(agent.id), paths: 'k8s' });
  t.is(byNumber.code, 0, byNumber.log);
  t.like(byNumber.outputs, { update: '1' });
  t.regex(byNumber.log, RegExp(`with cluster of agent ${agent.id}$`, 'm'));
  t.deepEqual([...new Set(server.credentials)], [`Bearer ci:${agent.id}:${CI_JOB_TOKEN}`]);

  const none = await run({ token, agent: 'none', config_project: 'group/agents' });
  t.is(none.code, 1);
  const wrong = await run({ agent_id: '999', paths: 'k8s' });
  t.is(wrong.code, 1, wrong.log);
  t.regex(
    wrong.log,
    /^error: the agent server does not let this through \(401\): Unauthorized\nhint: is the token good/m,
  );
  const github = await run({ token, agent_id: '1', paths: 'k8s' }, { CI_JOB_TOKEN: '' });
  t.is(github.code, 1);
  t.regex(
    github.log,
    /error: input agent_server is for jobs of GitLab CI: there is no job token here\nhint: /,
  );
  for (const { log, outputs, directory } of [byName, byNumber, none, wrong, github]) {
    t.false((log + JSON.stringify(outputs)).includes(CI_JOB_TOKEN));
    const report = join(directory, 'gitlab-agent-report', 'diff.json');
    if (existsSync(report)) t.false(readFileSync(report, 'utf8').includes(CI_JOB_TOKEN));
  }
});

test('a plan file is carried out by apply --plan, and its key is a variable', async (t) => {
  const within = await namespace(t);
  const { gitlab, shop, token } = await company(t);
  const commit = await shop.commit({ 'k8s/a.yaml': configMap(within, 'a', '1') });
  const directory = temporaryDirectory(t);
  execFileSync('git', ['clone', '--quiet', shop.directory, directory]);
  const KUBECONFIG = await jobKubeconfig(t, 'production');
  const key = randomBytes(32).toString('base64');
  const run = (env: Record<string, string>) =>
    step(
      t,
      { gitlab, project: shop, commit, directory, env: { KUBECONFIG, KUBE_CONTEXT: 'production', ...env } },
      { mode: 'diff', token, paths: 'k8s', against: 'live', plan_file: 'plan.json' },
    );
  const without = await run({});
  t.is(without.code, 1);
  t.regex(without.log, /plan_file needs its key in the variable GITLAB_AGENT_PLAN_KEY/);
  const cut = await run({ GITLAB_AGENT_PLAN_KEY: key.replace('=', '') });
  t.is(cut.code, 1);
  t.regex(cut.log, /error: GITLAB_AGENT_PLAN_KEY is no key: it has to be 32 random bytes in base64/);
  const done = await run({ GITLAB_AGENT_PLAN_KEY: key });
  t.is(done.code, 0, done.log);
  t.false(done.log.includes(key));
  const applied = await plugin(['apply', '-R', '-f', 'k8s', '--plan', 'plan.json'], {
    cwd: directory,
    env: { KUBECONFIG: sharedCluster().kubeconfig, GITLAB_AGENT_PLAN_KEY: key },
  });
  t.is(applied.code, 0, applied.stderr);
  t.regex(applied.stdout, /1 created/);
});
