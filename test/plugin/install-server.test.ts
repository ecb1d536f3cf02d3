import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { askForAgentToken } from '../../plugin/install/given-secrets.ts';
import type { Io } from '../../plugin/io.ts';
import { AgentServer, type AgentServerOptions } from '../support/agent-server.ts';
import { accessOf, apiCall, apiRequest } from '../support/cluster.ts';
import {
  type Ground,
  ground,
  inNamespace,
  type Repositories,
  repositories,
  startInstalled,
} from '../support/installation.ts';
import { plugin, startPlugin } from '../support/plugin.ts';

const IMAGE = '--image=registry.example.com/gitlab-agent:0.1.0';

async function serverFor(
  t: ExecutionContext,
  { gitlab }: Pick<Repositories, 'gitlab'>,
  options: Partial<AgentServerOptions> = {},
): Promise<AgentServer> {
  const gitToken = gitlab.root.createToken({ scopes: ['read_repository'] }).value;
  const server = await AgentServer.start({ gitlab, gitToken, ...options });
  t.teardown(() => server[Symbol.asyncDispose]());
  return server;
}

async function secretsIn({ namespace, endpoint }: Ground): Promise<Record<string, Record<string, string>>> {
  const { items } = await apiCall(accessOf(endpoint), 'GET', `/api/v1/namespaces/${namespace}/secrets`);
  return Object.fromEntries(
    (items as { metadata: { name: string }; data: Record<string, string> }[]).map(({ metadata, data }) => [
      metadata.name,
      data,
    ]),
  );
}

test('bootstrap --server: registered in GitLab, connected, synced, and no Git credential in the cluster', async (t) => {
  const here = ground(t);
  // No Ingress controller and no metrics are here that would make these healthy.
  const { 'autoscaler.yaml': _autoscaler, ...files } = here.files;
  const web = files['web.yaml']!.split(/^---\n/m).filter((text) => !/^kind: Ingress$/m.test(text));
  await using there = await repositories({ ...files, 'web.yaml': web.join('---\n') });
  const { gitlab, config, shop, ada } = there;
  const server = await serverFor(t, there, { secret: gitlab.kasSecret });
  const person = ada.createToken({ scopes: ['api'] }).value;
  const env = { GITLAB_TOKEN: person };
  const args = [
    ...['bootstrap', 'test', '--config-project=group/agents', '--project=group/shop', IMAGE],
    ...[`--gitlab-url=${gitlab.url}`, `--server=grpc://127.0.0.1:${server.port}`, '--rbac=generated'],
  ];
  const hidden = await inNamespace(here, args, { env });
  t.is(hidden.code, 2);
  t.regex(
    hidden.stderr,
    /^error: GitLab lets an agent read .* public projects only, and not group\/shop\nhint: /m,
  );
  t.is(config.agents.length, 0);
  shop.visibility = 'public';
  const running = startPlugin([...args, '-n', here.namespace], { env });
  await using agent = await startInstalled(here, there);
  const { code, stdout, stderr } = await running.done;
  t.is(code, 0, stdout + stderr + agent.tail().slice(-3000));
  t.regex(stderr, /^registered the agent test in group\/agents$/m);
  t.regex(stderr, /^token \d+ of the agent test is in the Secret gitlab-agent-token -n \S+$/m);
  t.regex(
    stdout,
    /the agent test \(v\S+\) reports by way of grpc:\/\/127\.0\.0\.1:\d+: it follows group\/agents at [0-9a-f]{12}: 1 manifest project\n/,
  );
  t.regex(stdout, /synced and healthy at [0-9a-f]{7,}/);
  const { agents } = JSON.parse(await server.get('/agents'));
  t.is(agents.length, 1);
  const secrets = await secretsIn(here);
  t.deepEqual(Object.keys(secrets), ['gitlab-agent-token']);
  const token = Buffer.from(secrets['gitlab-agent-token']!.token!, 'base64').toString();
  for (const secret of [person, token]) t.false((stdout + stderr).includes(secret));

  // Again: nothing is made, nothing changes.
  const again = await inNamespace(here, args, { env });
  t.is(again.code, 0, again.stdout + again.stderr);
  t.regex(again.stdout, /^\d+ unchanged\n/);
  t.deepEqual(await secretsIn(here), secrets);
  t.is(config.agents.length, 1);
});

test('an agent that read Git connects to a server: its Git credential goes, and flags that are not given stay', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const { gitlab } = there;
  const git = await inNamespace(
    here,
    [
      ...['install', '--agent-name=test', '--config-project=group/agents', `--gitlab-url=${gitlab.url}`],
      ...[IMAGE, `--rbac=namespaces=${here.shop}`, '--git-token-file=-', '--wait=false'],
    ],
    { input: 'glpat-canary' },
  );
  t.is(git.code, 0, git.stderr);
  const server = await serverFor(t, there);
  const token = server.createToken('test', 'group/agents', 'group/shop');
  const address = `ws://127.0.0.1:${server.port}/`;
  const connect = ['install', `--kas-address=${address}`, '--token-file=-'];
  const plan = await inNamespace(here, [...connect, '--dry-run'], { input: token });
  t.is(plan.code, 1, plan.stderr);
  t.regex(plan.stdout, /secret\/gitlab-agent-git/);
  const connected = await inNamespace(here, [...connect, '--wait=false'], { input: token });
  t.is(connected.code, 0, connected.stderr);
  t.regex(connected.stdout, /- pruned {2}secret\/gitlab-agent-git/);
  t.deepEqual(Object.keys(await secretsIn(here)), ['gitlab-agent-token']);
  await using _agent = await startInstalled(here, there);
  const again = await inNamespace(here, ['install', '--replicas=2']);
  t.is(again.code, 0, again.stdout + again.stderr);
  t.regex(again.stdout, /reports by way of ws:\/\/127\.0\.0\.1:\d+\/: it follows group\/agents at/);
  for (const { stdout, stderr } of [plan, connected, again]) t.false((stdout + stderr).includes(token));
});

test('with the token of another agent nothing is applied, and why is in the log', async (t) => {
  const here = ground(t);
  await using there = await repositories(here.files);
  const server = await serverFor(t, there);
  const token = server.createToken('staging', 'group/agents', 'group/shop');
  const args = ['install', '--agent-name=test', `--kas-address=grpc://127.0.0.1:${server.port}`, IMAGE];
  const given = await inNamespace(here, [...args, '--token-file=-', '--wait=false'], { input: token });
  t.is(given.code, 0, given.stderr);
  await using agent = await startInstalled(here, there);
  await agent.said('The agent server does not say who this agent is', {
    error: 'the token is that of the agent staging, and --agent-name says test',
  });
  const { code, stderr } = await inNamespace(here, ['install', '--timeout=1s']);
  t.is(code, 1);
  t.regex(stderr, /has not reported within 1 s: .*\nhint: .*is its token good\?$/m);
});

test('a person at a terminal is asked for the token, which is not shown, unless there is one', async (t) => {
  let said = '';
  const io = {
    stdinIsTty: true,
    err: (text: string) => {
      said += text;
    },
    line: async ({ hidden = false } = {}) => (hidden ? ' glagent-canary ' : ''),
  } as unknown as Io;
  const kas = { address: 'wss://kas.example.com' };
  const nothing = { secrets: [], foreign: [] };
  const asked = await askForAgentToken({ kas }, nothing, {}, io);
  t.deepEqual(asked, { 'gitlab-agent-token': { token: 'glagent-canary' } });
  t.is(said, 'token of the agent for wss://kas.example.com: ');
  for (const other of [
    askForAgentToken({ kas }, { ...nothing, foreign: ['gitlab-agent-token'] }, {}, io),
    askForAgentToken({ kas }, nothing, asked, io),
    askForAgentToken({}, nothing, {}, io),
    askForAgentToken({ kas }, nothing, {}, { ...io, stdinIsTty: false }),
  ])
    t.deepEqual(await other, {});
});

test('the authorities of the server are mounted, beside those of GitLab', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'install-kas-ca-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'ca.pem');
  writeFileSync(file, '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
  const { code, stdout, stderr } = await plugin([
    ...[
      'install',
      '--agent-name=test',
      '--kas-address=wss://kas.example.com',
      IMAGE,
      '--dry-run',
      '-o',
      'yaml',
    ],
    ...[`--kas-ca-cert-file=${file}`, `--gitlab-ca-file=${file}`],
  ]);
  t.is(code, 0, stderr);
  t.regex(stdout, /^ {2}name: gitlab-agent-kas-ca$/m);
  t.regex(stdout, /--kas-ca-cert-file=\/etc\/gitlab-agent\/kas-ca\/ca\.crt\n *- "?--gitlab-ca-file=/);
  t.notRegex(stdout, /git-credentials/);
});

for (const { title, args, says, input = '' } of [
  {
    title: 'no token for the server',
    args: ['--agent-name=test', '--kas-address=grpcs://kas.example.com:8150', IMAGE],
    says: /^error: the agent has no token for grpcs:\/\/kas\.example\.com:8150\nhint: --token-file FILE .*; or kubectl gitlab-agent register test/,
  },
  {
    title: 'an address of the web',
    args: ['--agent-name=test', '--kas-address=https://kas.example.com', IMAGE, '--token-file=-'],
    input: 'glagent-canary',
    says: /^error: unsupported scheme in GitLab Kubernetes Agent Server address: "https"\nhint: it is one of grpc, grpcs, ws, wss/,
  },
  {
    title: 'a Git credential for an agent of a server',
    args: ['--agent-name=test', '--kas-address=wss://kas.example.com', IMAGE, '--git-token-file=-'],
    input: 'glpat-canary',
    says: /^error: --git-token-file is not for an agent of a server/,
  },
  {
    title: "a server's token for no server",
    args: [
      ...['--agent-name=test', '--config-project=group/agents', '--gitlab-url=https://gitlab.example.com'],
      ...[IMAGE, '--token-file=-'],
    ],
    input: 'glagent-canary',
    says: /^error: --token-file is for an agent server, and none is said/,
  },
  {
    title: 'generated rights where nobody says which configuration',
    args: [
      '--agent-name=test',
      '--kas-address=wss://kas.example.com',
      IMAGE,
      '--token-file=-',
      '--rbac=generated',
    ],
    input: 'glagent-canary',
    says: /^error: --config-project is missing/,
  },
]) {
  test(`refused in a sentence: ${title}`, async (t) => {
    const here = ground(t);
    const { code, stdout, stderr } = await inNamespace(here, ['install', ...args], { input });
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, says);
    t.notRegex(stderr, /canary/);
    const path = `/api/v1/namespaces/${here.namespace}`;
    t.is((await apiRequest(accessOf(here.endpoint), 'GET', path)).status, 404);
  });
}

test('two agent servers are refused by bootstrap, and one that is no server of agents is the API server', async (t) => {
  const here = ground(t);
  const args = ['bootstrap', 'test', '--config-project=group/agents', IMAGE];
  const two = ['--server=wss://a.example.com', '--kas-address=wss://b.example.com'];
  const { code, stderr } = await inNamespace(here, [...args, ...two]);
  t.is(code, 2);
  t.regex(stderr, /^error: --server and --kas-address name two agent servers/);
  const api = await inNamespace(here, [...args, '--server=https://127.0.0.1:1']);
  t.is(api.code, 2);
  t.regex(api.stderr, /127\.0\.0\.1:1/);
});
