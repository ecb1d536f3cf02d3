import test from 'ava';
import { chart, tryHelm, valueFlags } from '../support/helm.ts';
import { AGENT, type Chart, KAS, SERVER, type Values } from './charts.ts';

for (const { title, of, values, says } of [
  {
    title: 'no image',
    of: 'gitlab-agent',
    values: { ...AGENT, 'image.repository': '' },
    says: /image\.repository is empty, and no image is published/,
  },
  {
    title: 'an agent of nothing',
    of: 'gitlab-agent',
    values: { 'image.repository': 'x' },
    says: /config\.agentName is empty: set it, or config\.kasAddress/,
  },
  {
    title: 'a server without a token',
    of: 'gitlab-agent',
    values: { ...KAS, 'config.secretName': '' },
    says: /config\.kasAddress needs config\.secretName/,
  },
  {
    title: 'a token for no server',
    of: 'gitlab-agent',
    values: { ...AGENT, 'config.token': 'glagent-canary' },
    says: /config\.token is for an agent server: set config\.kasAddress/,
  },
  {
    title: 'an address of the web',
    of: 'gitlab-agent',
    values: { ...KAS, 'config.kasAddress': 'https://kas.example.com' },
    says: /\/config\/kasAddress': '.*' does not match pattern/,
  },
  {
    title: 'rights in no namespace',
    of: 'gitlab-agent',
    values: { ...KAS, 'rbac.mode': 'namespaces' },
    says: /rbac\.namespaces is empty/,
  },
  {
    title: 'a value that there is not',
    of: 'gitlab-agent',
    values: { ...KAS, 'config.kasaddress': 'x' },
    says: /at '\/config': additional properties 'kasaddress' not allowed/,
  },
  {
    title: 'a number that is none',
    of: 'gitlab-agent-server',
    values: { ...SERVER, replicas: 'two' },
    says: /at '\/replicas': got string, want integer/,
  },
  {
    title: 'nobody who may connect',
    of: 'gitlab-agent-server',
    values: { ...SERVER, 'registry.secretName': '' },
    says: /nothing says which agents may connect: set registry\.secretName/,
  },
  {
    title: 'two who say who may connect',
    of: 'gitlab-agent-server',
    values: { ...SERVER, 'kasSecret.secretName': 'x' },
    says: /registry and kasSecret exclude each other/,
  },
  {
    title: 'two servers that do not know of each other',
    of: 'gitlab-agent-server',
    values: { ...SERVER, replicas: 2 },
    says: /replicas is 2: more than one server needs redis\.address/,
  },
  {
    title: 'what is for several servers, for one',
    of: 'gitlab-agent-server',
    values: { ...SERVER, 'redis.secretName': 'redis' },
    says: /config\.redis, redis and privateApi are for several servers: set redis\.address/,
  },
  {
    title: 'a port for GitLab that any may use',
    of: 'gitlab-agent-server',
    values: { ...SERVER, 'api.enabled': true },
    says: /api\.enabled needs kasSecret\.secretName/,
  },
  {
    title: 'settings of a port that is closed',
    of: 'gitlab-agent-server',
    values: { ...SERVER, 'config.agent.kubernetes_api.url_path_prefix': '/' },
    says: /kubernetes_api is for a port that is closed: set kubernetesApi\.enabled=true/,
  },
  {
    title: 'no GitLab',
    of: 'gitlab-agent-server',
    values: { ...SERVER, 'config.gitlab.address': '' },
    says: /config\.gitlab\.address is empty/,
  },
  {
    title: 'a field that the chart writes',
    of: 'gitlab-agent-server',
    values: { ...SERVER, 'config.agent.listen.address': ':1' },
    says: /at '\/config\/agent\/listen': additional properties 'address' not allowed/,
  },
  {
    title: 'a field that the server does not have',
    of: 'gitlab-agent-server',
    values: { ...SERVER, 'config.agent.gitops.poll': '1s' },
    says: /at '\/config\/agent\/gitops': additional properties 'poll' not allowed/,
  },
] as { title: string; of: Chart; values: Values; says: RegExp }[]) {
  test(`refused in a sentence: ${title}`, async (t) => {
    const { code, stdout, stderr } = await tryHelm('template', 'x', chart(of), ...valueFlags(values));
    t.is(code, 1);
    t.is(stdout, '');
    t.regex(stderr, says);
    t.false(stderr.includes('canary'));
  });
}
