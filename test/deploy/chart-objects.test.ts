import test from 'ava';
import { parse } from 'yaml';
import { readFlags } from '../../agent/flags.ts';
import { dig, type JsonObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/object.ts';
import { parseServerConfig, type ServerConfig } from '../../server/configuration/server-config.ts';
import { objectsOf } from '../support/objects-of.ts';
import { plugin } from '../support/plugin.ts';
import {
  AGENT,
  containerOf,
  KAS,
  kindOf,
  objectsFor,
  PEM,
  rendered,
  SERVER,
  SERVER_FULL,
  SEVERAL,
  type Values,
} from './charts.ts';

const INSTALL = ['install', '--agent-name=production', '--dry-run', '-o', 'yaml'];
const GIT = ['--config-project=group/agents', '--gitlab-url=https://gitlab.example.com'];

/** What makes an agent what it is, of `install`'s and of Helm's: all but names of the release and defaults. */
function essence(objects: Map<string, KubeObject>): unknown {
  const [deployment] = kindOf(objects, 'Deployment');
  const { args, env, livenessProbe, readinessProbe, ports, resources, securityContext } = containerOf(
    deployment!,
  );
  const pod = dig(deployment, 'spec', 'template', 'spec') as JsonObject;
  const volumes = (pod.volumes as JsonObject[]).filter(({ name }) => name !== 'agent-token');
  const rights = [...objects].filter(([name]) => /role|serviceaccount/.test(name));
  return {
    container: { args, env, livenessProbe, readinessProbe, ports, resources, securityContext },
    // `install` mounts it for whoever edits deploy/, too.
    volumes,
    pod: [pod.securityContext, pod.serviceAccountName, pod.terminationGracePeriodSeconds],
    replicas: dig(deployment, 'spec', 'replicas'),
    annotations: dig(deployment, 'spec', 'template', 'metadata', 'annotations'),
    rights: rights.map(([name, { rules, roleRef, subjects }]) => [name, rules, roleRef, subjects]).sort(),
  };
}

for (const { title, values, flags, says = GIT, within = 'gitlab-agent' } of [
  { title: 'that reads Git', values: AGENT, flags: [] },
  { title: 'of another namespace', values: AGENT, flags: ['-n', 'other'], within: 'other' },
  {
    title: 'of a server',
    values: { ...KAS, 'config.agentName': 'production' },
    says: ['--kas-address=grpcs://kas.example.com:8150'],
    flags: [],
  },
  {
    title: 'that acts as others',
    values: { ...KAS, 'config.agentName': 'production', 'rbac.impersonate': true },
    says: ['--kas-address=grpcs://kas.example.com:8150'],
    flags: ['--impersonate', '-n', 'other'],
    within: 'other',
  },
  { title: 'that may grant', values: { ...AGENT, 'rbac.mode': 'escalate' }, flags: ['--rbac=escalate'] },
  {
    title: 'of two namespaces',
    values: { ...AGENT, 'rbac.mode': 'namespaces', 'rbac.namespaces': ['shop', 'gitlab-agent'], replicas: 2 },
    flags: ['--rbac=namespaces=shop,gitlab-agent', '--replicas=2'],
  },
]) {
  test(`an agent ${title} is what install makes`, async (t) => {
    const image = '--image=registry.example.com/gitlab-agent:0.1.0';
    const { code, stdout, stderr } = await plugin([...INSTALL, image, ...says, ...flags]);
    t.is(code, 0, stderr);
    t.deepEqual(essence(await objectsFor('gitlab-agent', values, within)), essence(objectsOf(stdout)));
  });
}

test('the arguments of an agent are those that it takes', async (t) => {
  const argsFor = async (values: Values): Promise<string[]> => {
    const [deployment] = kindOf(await objectsFor('gitlab-agent', values, 'x'), 'Deployment');
    return containerOf(deployment!).args as string[];
  };
  const connected = readFlags(
    await argsFor({
      ...KAS,
      'config.kasHeaders': ['X-Route: a, "b"'],
      'config.kasCaCert': PEM,
      extraArgs: ['--kas-tls-server-name=kas.internal'],
    }),
  );
  t.like(connected, {
    kas: {
      tokenFile: '/config/token',
      headers: [['X-Route', 'a, "b"']],
      caFile: '/etc/gitlab-agent/kas-ca/ca.crt',
      serverName: 'kas.internal',
    },
    cacheDir: '/var/cache/gitlab-agent',
  });
  t.like(readFlags(await argsFor(AGENT)), {
    agentName: 'production',
    gitCredentialsDir: '/etc/gitlab-agent/git',
    gitlabApiTokenFile: '/etc/gitlab-agent/api/token',
  });
});

/** The server's file as the server reads it. */
function serverConfig(objects: Map<string, KubeObject>): ServerConfig {
  const text = dig(kindOf(objects, 'ConfigMap')[0], 'data', 'server.yaml') as string;
  return parseServerConfig(Buffer.from(text), 'server.yaml');
}

test('the file of a server is one that the server reads', async (t) => {
  const plain = await objectsFor('gitlab-agent-server', SERVER, 'kas');
  t.like(serverConfig(plain), {
    gitlabUrl: 'https://gitlab.example.com',
    access: { registryFile: '/etc/gitlab-agent-server/registry/registry.yaml' },
    agents: { address: ':8150' },
    observability: { address: ':8151', level: 'info' },
    repositories: {
      credentialsDir: '/etc/gitlab-agent-server/git',
      cacheDir: '/var/cache/gitlab-agent-server',
    },
  });
  const full = await objectsFor('gitlab-agent-server', SERVER_FULL, 'kas');
  t.like(serverConfig(full), {
    caFile: '/etc/gitlab-agent-server/config/gitlab-ca.crt',
    access: { secretFile: '/etc/gitlab-agent-server/kas/secret' },
    agents: {
      tls: {
        certificateFile: '/etc/gitlab-agent-server/tls/tls.crt',
        keyFile: '/etc/gitlab-agent-server/tls/tls.key',
      },
      addressHeader: 'X-Forwarded-For',
    },
    gitops: { totalBytes: 134_217_728 },
    kubernetesApi: { address: ':8154', prefix: '/clusters/' },
    api: { address: ':8153', secretFile: '/etc/gitlab-agent-server/kas/secret' },
    webhook: { address: ':8152', secretFile: '/etc/gitlab-agent-server/webhook/secret' },
    observability: { level: 'debug' },
  });
  const [ingress] = kindOf(full, 'Ingress');
  t.regex(JSON.stringify(ingress), /"path":"\/clusters\/","pathType":"Prefix"/);
  // Every file that it names is one that is mounted.
  for (const objects of [plain, full]) {
    const [deployment] = kindOf(objects, 'Deployment');
    const mounts = (containerOf(deployment!).volumeMounts as JsonObject[]).map(({ mountPath }) => mountPath);
    const named = JSON.stringify(serverConfig(objects)).match(/\/etc\/gitlab-agent-server\/\w[\w-]*/g)!;
    t.true(named.length > 1);
    for (const directory of named) t.true(mounts.includes(directory), directory);
  }
});

test('several servers find Redis, and each other at the addresses of their Pods', async (t) => {
  const sections = async (values: Values): Promise<[JsonObject, unknown]> => {
    const objects = await objectsFor('gitlab-agent-server', { ...SEVERAL, ...values }, 'kas');
    const [deployment] = kindOf(objects, 'Deployment');
    const text = dig(kindOf(objects, 'ConfigMap')[0], 'data', 'server.yaml') as string;
    return [parse(text), containerOf(deployment!).env];
  };
  const podIp = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };
  const [plain, env] = await sections({});
  t.deepEqual(plain.redis, { server: { address: 'redis.example.com:6379' } });
  t.deepEqual(plain.private_api, {
    listen: {
      address: ':8155',
      authentication_secret_file: '/etc/gitlab-agent-server/private-api/secret',
    },
  });
  t.deepEqual(env, [podIp, { name: 'OWN_PRIVATE_API_URL', value: 'http://$(POD_IP):8155' }]);
  const [encrypted, names] = await sections({
    ...{ 'redis.secretName': 'redis', 'redis.caCert': PEM, 'privateApi.tlsSecretName': 'kas-tls' },
  });
  t.deepEqual(encrypted.redis, {
    server: {
      address: 'redis.example.com:6379',
      ca_certificate_file: '/etc/gitlab-agent-server/config/redis-ca.crt',
    },
    password_file: '/etc/gitlab-agent-server/redis/password',
  });
  t.is(
    dig(encrypted, 'private_api', 'listen', 'ca_certificate_file'),
    '/etc/gitlab-agent-server/private-api-tls/ca.crt',
  );
  t.deepEqual(names, [
    podIp,
    { name: 'OWN_PRIVATE_API_URL', value: 'https://$(POD_IP):8155' },
    { name: 'OWN_PRIVATE_API_HOST', value: 'gitlab-agent-server' },
  ]);
});

test('another configuration restarts the Pods, and the same does not', async (t) => {
  const template = async (values: Values): Promise<unknown> => {
    const [deployment] = kindOf(await objectsFor('gitlab-agent-server', values, 'kas'), 'Deployment');
    return dig(deployment, 'spec', 'template');
  };
  const first = await template(SERVER);
  t.deepEqual(await template(SERVER), first);
  t.notDeepEqual(await template({ ...SERVER, 'config.observability.logging.level': 'warn' }), first);
});

test('a server has no token for the API server, and only its ports are open', async (t) => {
  const objects = await objectsFor('gitlab-agent-server', { ...SEVERAL, 'webhook.secretName': 'w' }, 'kas');
  const [deployment] = kindOf(objects, 'Deployment');
  const pod = dig(deployment, 'spec', 'template', 'spec') as JsonObject;
  t.is(pod.automountServiceAccountToken, false);
  t.deepEqual(containerOf(deployment!).securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  t.like(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  for (const kind of ['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'])
    t.deepEqual(kindOf(objects, kind), []);
  const [policy] = kindOf(objects, 'NetworkPolicy');
  const spec = policy!.spec as { ingress: JsonObject[]; egress: { ports: { port: unknown }[] }[] };
  t.deepEqual(spec.ingress[0]!.ports, [
    { port: 'agents', protocol: 'TCP' },
    { port: 'observability', protocol: 'TCP' },
    { port: 'webhooks', protocol: 'TCP' },
  ]);
  // Servers talk to servers, and to nobody else there.
  t.truthy(spec.ingress[1]!.from);
  t.deepEqual(
    spec.egress.flatMap(({ ports }) => ports.map(({ port }) => port)),
    [53, 53, 443, 6379, 8155],
  );
  const { 'config.gitlab.address': _address, ...rest } = SERVER;
  const elsewhere = { ...rest, 'config.gitlab.address': 'http://gitlab.example.com:8080/gitlab' };
  t.regex(await rendered('gitlab-agent-server', elsewhere, 'kas'), /^ {8}- port: 8080$/m);
});

test('the Prometheus operator is asked for where it is there', async (t) => {
  for (const [of, values] of [
    ['gitlab-agent', KAS],
    ['gitlab-agent-server', SERVER],
  ] as const) {
    const objects = await objectsFor(
      of,
      { ...values, 'serviceMonitor.enabled': true, 'serviceMonitor.labels': { a: 'b' } },
      'x',
    );
    const [monitor] = kindOf(objects, 'ServiceMonitor');
    t.is(dig(monitor, 'metadata', 'labels', 'a'), 'b');
    const wanted = Object.entries(dig(monitor, 'spec', 'selector', 'matchLabels') as Record<string, string>);
    const chosen = kindOf(objects, 'Service').filter(({ metadata }) =>
      wanted.every(([name, value]) => dig(metadata, 'labels', name) === value),
    );
    t.is(chosen.length, 1);
    const [{ port }] = dig(monitor, 'spec', 'endpoints') as [{ port: string }];
    t.true((dig(chosen[0], 'spec', 'ports') as JsonObject[]).some(({ name }) => name === port));
  }
});
