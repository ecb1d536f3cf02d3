import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import test from 'ava';
import { Authority } from '../core/kube/certificates.ts';
import { step } from '../support/action.ts';
import { AgentProcess } from '../support/agent.ts';
import { AgentServer } from '../support/agent-server.ts';
import { kubectl, namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { findKubectl } from '../support/control-plane/binaries.ts';
import { startGitLab } from '../support/gitlab/gitlab.ts';
import { PLUGIN, type PluginOptions, plugin, pluginEnvironment } from '../support/plugin.ts';

const CONFIG = `ci_access: { projects: [{ id: group/shop }] }
user_access: { access_as: { agent: {} }, projects: [{ id: group/shop }] }
`;

const authority = new Authority();
const pair = authority.issue('kas', ['IP:127.0.0.1']);
// As the step's own program does with the file that the runner names.
setDefaultCACertificates([...getCACertificates('default'), authority.ca.cert]);
test.after.always(() => authority.remove());

test("a person's context and a pipeline's diff, through server and agent to the cluster", async (t) => {
  const ns = await namespace(t);
  await using gitlab = await startGitLab();
  const ada = gitlab.createUser('ada');
  const bob = gitlab.createUser('bob');
  const config = await gitlab.createProject('group/agents');
  const shop = await gitlab.createProject('group/shop', { members: { ada: 'developer', bob: 'reporter' } });
  await config.commit({ '.gitlab/agents/test/config.yaml': CONFIG });
  const manifest = (x: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: ${ns}}\ndata: {x: "${x}"}\n`;
  const commit = await shop.commit({ 'k8s/a.yaml': manifest('1') });
  await kubectl(['apply', '--server-side', '--field-manager=gitlab-agent', '-f', '-'], {
    input: manifest('0'),
  });
  await using server = await AgentServer.start({
    gitlab,
    gitToken: gitlab.root.createToken({ scopes: ['read_repository'] }).value,
    tls: pair,
    kubernetesApi: 'allowed_agent_cache_ttl: 1s',
  });
  await using _agent = new AgentProcess({
    endpoint: sharedCluster(),
    gitlab,
    configProject: config,
    namespace: ns,
    kas: {
      address: `grpcs://127.0.0.1:${server.port}`,
      token: server.createToken('test', 'group/agents'),
    },
    args: [`--kas-ca-cert-file=${authority.ca.certFile}`],
  });

  const home = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(join(home, 'bin'));
  symlinkSync(PLUGIN, join(home, 'bin', 'kubectl-gitlab_agent'));
  writeFileSync(join(home, 'a.yaml'), manifest('1'));
  const tokenOf = (user: typeof ada): string => user.createToken({ scopes: ['read_api'] }).value;
  const [token, little] = [tokenOf(ada), tokenOf(bob)];
  const run = (args: readonly string[], options: PluginOptions = {}) =>
    plugin(args, {
      cwd: home,
      ...options,
      env: {
        HOME: home,
        KUBECONFIG: '',
        KUBERC: 'off',
        PATH: `${join(home, 'bin')}:${pluginEnvironment().PATH}`,
        GITLAB_HOST: gitlab.url,
        GITLAB_TOKEN: token,
        ...options.env,
      },
    });
  const program: [string] = [await findKubectl()];
  const made = await run([
    ...['kubeconfig', '--agent-id=1', '--context=far', `-n=${ns}`, '--set-current'],
    ...[`--server=${server.kubernetesUrl}`, `--certificate-authority=${authority.ca.certFile}`],
  ]);
  t.is(made.code, 0, made.stderr);
  t.is(made.stderr, '');
  const got = await waitFor(
    async () => {
      const result = await run(['get', 'configmap', 'a', '-o', 'name'], { program });
      return result.code === 0 && result;
    },
    { what: 'the agent to be reached' },
  );
  t.is(got.stdout, 'configmap/a\n');
  const diff = await run(['diff', '-f', 'a.yaml']);
  t.is(diff.code, 1, diff.stderr);
  t.regex(diff.stdout, /^-\s+x: "0"\n\+\s+x: "1"$/m);
  const status = await run(['status', '-n', ns]);
  t.is(status.code, 0, status.stderr);
  t.regex(status.stdout, /test/);

  // Who may not is told by whom.
  const refused = await run(['diff', '-f', 'a.yaml'], { env: { GITLAB_TOKEN: little } });
  t.is(refused.code, 2);
  t.regex(
    refused.stderr,
    /^error: the agent server does not let this through \(403\): Forbidden: bob is a Developer neither of .*\nhint: is the token good/,
  );
  const byKubectl = await run(['get', 'pods'], { program, env: { GITLAB_TOKEN: little } });
  t.regex(byKubectl.stderr, /GitLab Agent Server: Forbidden: bob is a Developer neither of/);

  const job = shop.createJobToken();
  const done = await step(
    t,
    { gitlab, project: shop, commit, env: { CI_JOB_TOKEN: job.value } },
    { mode: 'diff', agent_server: server.kubernetesUrl, agent_id: '1', paths: 'k8s' },
  );
  t.is(done.code, 0, done.log);
  t.like(done.outputs, { update: '1', unknown: '0' });
  const reading = gitlab.root.createToken({ scopes: ['api'] }).value;
  const others = await gitlab.createProject('group/other');
  const elsewhere = await step(
    t,
    { gitlab, project: shop, commit, env: { CI_JOB_TOKEN: others.createJobToken().value } },
    { mode: 'diff', token: reading, agent_server: server.kubernetesUrl, agent_id: '1', paths: 'k8s' },
  );
  t.is(elsewhere.code, 1);
  t.regex(
    elsewhere.log,
    /error: the agent server does not let this through \(403\): Forbidden: ci_access of/,
  );
  const told = [made, got, diff, status, refused, byKubectl].map(({ stdout, stderr }) => stdout + stderr);
  told.push(done.log, elsewhere.log, JSON.stringify(server.lines));
  for (const secret of [token, little, job.value]) t.false(told.join('').includes(secret));
});
