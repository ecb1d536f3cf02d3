import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { KubeObject } from '../../core/model/object.ts';
import { VERSION } from '../../tools/bundle-options.ts';
import { makeArchive } from '../../tools/release/archive.ts';
import { chartContents } from '../../tools/release/contents.ts';
import {
  accessOf,
  apiCall,
  apiRequest,
  kubectl,
  namespace,
  sharedCluster,
  waitFor,
} from '../support/cluster.ts';
import { chart, helm, valueFlags } from '../support/helm.ts';
import { objectsOf } from '../support/objects-of.ts';
import {
  AGENT,
  type Chart,
  KAS,
  kindOf,
  PEM,
  rendered,
  SERVER,
  SERVER_FULL,
  SEVERAL,
  type Values,
} from './charts.ts';

/** Values that people have, each linted, rendered and applied. */
const SETS: { title: string; of: Chart; values: Values; kinds: string[] }[] = [
  {
    title: 'an agent that reads Git',
    of: 'gitlab-agent',
    values: AGENT,
    kinds: ['ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding', 'NetworkPolicy'],
  },
  {
    title: 'an agent of a server',
    of: 'gitlab-agent',
    values: {
      ...KAS,
      'config.secretName': '',
      'config.token': 'glagent-canary',
      'config.kasHeaders': ['X-Route: a, b'],
      'config.kasCaCert': PEM,
      'config.gitlabCaCert': PEM,
    },
    kinds: ['Secret', 'ConfigMap'],
  },
  {
    title: 'agents that stand by, with another role',
    of: 'gitlab-agent',
    values: {
      ...KAS,
      replicas: 3,
      'rbac.useExistingRole': 'view',
      'serviceAccount.name': 'agent',
      'serviceAccount.annotations': { 'example.com/role': 'agent' },
      podLabels: { team: 'platform' },
      extraArgs: ['--log-level=debug'],
      extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy.example.com:3128' }],
      tolerations: [{ operator: 'Exists' }],
      'image.digest': `sha256:${'0'.repeat(64)}`,
    },
    kinds: ['PodDisruptionBudget', 'ClusterRoleBinding'],
  },
  {
    title: 'an agent without rights of the chart',
    of: 'gitlab-agent',
    values: {
      ...AGENT,
      'rbac.create': false,
      'serviceAccount.create': false,
      'networkPolicy.enabled': false,
    },
    kinds: [],
  },
  {
    title: 'a server with a registry',
    of: 'gitlab-agent-server',
    values: SERVER,
    kinds: ['ServiceAccount', 'ConfigMap', 'Service', 'NetworkPolicy'],
  },
  {
    title: 'a server beside GitLab, with all its ports',
    of: 'gitlab-agent-server',
    values: SERVER_FULL,
    kinds: ['Ingress'],
  },
  {
    title: 'a server whose registry is in the values',
    of: 'gitlab-agent-server',
    values: { ...SERVER, 'registry.secretName': '', 'registry.content': 'salt: x\nagents: []\n' },
    kinds: ['Secret'],
  },
  {
    title: 'several servers',
    of: 'gitlab-agent-server',
    values: { ...SEVERAL, 'redis.secretName': 'redis' },
    kinds: ['PodDisruptionBudget', 'Secret'],
  },
];

/** Deletes what a chart of this namespace has outside of it. */
function leavesNothing(t: ExecutionContext, within: string): void {
  t.teardown(async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    for (const kind of ['clusterroles', 'clusterrolebindings'])
      for (const { metadata } of (await apiCall(accessOf(sharedCluster()), 'GET', `${rbac}/${kind}`))
        .items as KubeObject[])
        if (metadata.name.endsWith(`-${within}`))
          await apiRequest(accessOf(sharedCluster()), 'DELETE', `${rbac}/${kind}/${metadata.name}`);
  });
}

for (const { title, of, values, kinds } of SETS) {
  test(`${title}: linted, applied, available`, async (t) => {
    const within = await namespace(t);
    leavesNothing(t, within);
    // What the server does not know yet it can't be told; what it does is read by itself.
    await helm('lint', '--strict', chart(of), ...valueFlags(values));
    const text = await rendered(of, values, within);
    const objects = objectsOf(text);
    for (const kind of kinds) t.not(kindOf(objects, kind).length, 0, kind);
    await kubectl(['label', 'namespace', within, 'pod-security.kubernetes.io/enforce=restricted']);
    await kubectl(['apply', '--server-side', '--validate=strict', '-n', within, '-f', '-'], { input: text });
    const [deployment] = kindOf(objects, 'Deployment');
    await kubectl([
      ...['rollout', 'status', `deployment/${deployment!.metadata.name}`, '-n', within],
      '--timeout=60s',
    ]);
    const again = await kubectl(['diff', '--server-side', '-n', within, '-f', '-'], {
      input: text,
      allowFailure: true,
    });
    t.is(again.code, 0, again.stdout + again.stderr);
  });
}

test('several servers have a secret of their own, which an upgrade keeps', async (t) => {
  const within = await namespace(t);
  const release = `kas-${randomBytes(3).toString('hex')}`;
  const secret = async (): Promise<string> => {
    const path = `/api/v1/namespaces/${within}/secrets/${release}-gitlab-agent-server-private-api`;
    return (await apiCall(accessOf(sharedCluster()), 'GET', path)).data.secret as string;
  };
  const run = (command: string, values: Values): Promise<string> =>
    helm(
      ...[command, release, chart('gitlab-agent-server'), '-n', within, '--wait', '--timeout=2m'],
      ...valueFlags(values),
    );
  t.regex(await run('install', SEVERAL), /grpc:\/\/kas-\w+-gitlab-agent-server\.t-\S+\.svc:8150/);
  const made = await secret();
  t.is(Buffer.from(Buffer.from(made, 'base64').toString(), 'base64').length, 32);
  await run('upgrade', { ...SEVERAL, 'config.observability.logging.level': 'debug', replicas: 3 });
  t.is(await secret(), made);
  const { stdout } = await kubectl([
    'get',
    'deployment',
    '-n',
    within,
    '-o',
    'jsonpath={..availableReplicas}',
  ]);
  t.is(stdout, '3');
  await helm('uninstall', release, '-n', within, '--wait', '--timeout=2m');
  t.is(
    (
      await kubectl([
        'get',
        'all,configmaps,secrets,networkpolicies,pdb',
        '-n',
        within,
        '-o',
        'name',
        `-l=app.kubernetes.io/instance=${release}`,
      ])
    ).stdout,
    '',
  );
});

test('an agent may act as others where the values say so, and only there', async (t) => {
  const impersonate = 'impersonate';
  const others = [
    { verb: impersonate, resource: 'users', name: 'gitlab:user:ada' },
    { verb: impersonate, resource: 'groups', name: 'gitlab:user' },
    {
      ...{ verb: impersonate, group: 'authentication.k8s.io', resource: 'userextras' },
      ...{ subresource: 'agent.gitlab.com/id', name: '1' },
    },
  ];
  for (const asked of [true, false]) {
    const within = await namespace(t);
    leavesNothing(t, within);
    const may = async (resourceAttributes: object): Promise<boolean> => {
      const spec = { user: `system:serviceaccount:${within}:gitlab-agent`, resourceAttributes };
      const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
      return (await apiCall(accessOf(sharedCluster()), 'POST', path, { spec })).status.allowed;
    };
    const input = await rendered('gitlab-agent', { ...KAS, 'rbac.impersonate': asked }, within);
    await kubectl(['apply', '--server-side', '-n', within, '-f', '-'], { input });
    const everywhere = { verb: 'create', group: 'apps', resource: 'deployments', namespace: within };
    await waitFor(() => may(asked ? others[0]! : everywhere), { what: 'the rights of the agent' });
    for (const one of others) t.is(await may(one), asked, one.resource);
  }
});

test('what the documentation tells Helm to do, Helm does', async (t) => {
  const root = join(import.meta.dirname, '..', '..');
  const directory = mkdtempSync(join(tmpdir(), 'charts-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const registry = join(directory, 'registry.yaml');
  writeFileSync(registry, 'agents: []\n');
  const pages = [
    ...['docs/agent-server.md', 'docs/install.md'],
    ...['gitlab-agent', 'gitlab-agent-server'].map((name) => `deploy/charts/${name}/README.md`),
  ];
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8').replaceAll(/ \\\n +/g, ' ');
    const commands = text.match(/(?<=^(?:\$ )?helm install ).*$/gm) ?? [];
    t.true(commands.length > 0, page);
    for (const command of commands) {
      const words = command
        .replace('deploy/charts', join(root, 'deploy', 'charts'))
        .replace('=registry.yaml', `=${registry}`);
      t.regex(await helm('template', ...words.split(' ')), /^kind: Deployment$/m);
    }
  }
});

test('the archives of a release are what Helm installs from', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'charts-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  for (const [of, values] of [
    ['gitlab-agent', KAS],
    ['gitlab-agent-server', SERVER],
  ] as const) {
    const archive = join(directory, `${of}-${VERSION}.tgz`);
    await makeArchive(archive, await chartContents(of));
    t.regex(await helm('show', 'chart', archive), new RegExp(`^version: ${VERSION}$`, 'm'));
    t.is(
      await helm('template', of, archive, '-n', 'x', ...valueFlags(values)),
      await rendered(of, values, 'x'),
    );
  }
});

test('an agent is installed, upgraded and uninstalled by Helm', async (t) => {
  const within = await namespace(t);
  leavesNothing(t, within);
  const run = (command: string, values: Values): Promise<string> =>
    helm(
      ...[command, 'gitlab-agent', chart('gitlab-agent'), '-n', within, '--wait', '--timeout=2m'],
      ...valueFlags(values),
    );
  t.regex(
    await run('install', AGENT),
    /The agent production follows \.gitlab\/agents\/production\/config\.yaml/,
  );
  t.regex(await run('upgrade', { ...KAS, replicas: 2 }), /connects to grpcs:\/\/kas\.example\.com:8150/);
  const { stdout } = await kubectl([
    'get',
    'deployment',
    'gitlab-agent',
    '-n',
    within,
    '-o',
    'jsonpath={..args}',
  ]);
  t.regex(stdout, /--token-file=\/config\/token/);
  await helm('uninstall', 'gitlab-agent', '-n', within, '--wait', '--timeout=2m');
  const left = await kubectl([
    'get',
    'clusterroles',
    '-o',
    'name',
    '-l=app.kubernetes.io/instance=gitlab-agent',
  ]);
  t.false(left.stdout.includes(within));
});
