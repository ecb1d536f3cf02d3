/** Values that charts are rendered with, and the objects that come of them. */
import { dig, type JsonObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/object.ts';
import { chart, helm, valueFlags } from '../support/helm.ts';
import { objectsOf } from '../support/objects-of.ts';

export type Chart = Parameters<typeof chart>[0];
export type Values = Record<string, unknown>;

export const AGENT: Values = {
  'image.repository': 'registry.example.com/gitlab-agent',
  'config.agentName': 'production',
  'config.configProject': 'group/agents',
  'config.gitlabUrl': 'https://gitlab.example.com',
};
export const KAS: Values = {
  'image.repository': 'registry.example.com/gitlab-agent',
  'config.kasAddress': 'grpcs://kas.example.com:8150',
  'config.secretName': 'gitlab-agent-token',
};
export const SERVER: Values = {
  'image.repository': 'registry.example.com/gitlab-agent-server',
  'config.gitlab.address': 'https://gitlab.example.com',
  'registry.secretName': 'registry',
  'git.secretName': 'git',
};
export const SEVERAL: Values = { ...SERVER, replicas: 2, 'redis.address': 'redis.example.com:6379' };
export const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
/** Beside a self-managed GitLab, with all that can be said. */
export const SERVER_FULL: Values = {
  ...SERVER,
  'registry.secretName': '',
  'kasSecret.secretName': 'gitlab-kas',
  'kasSecret.key': 'kas_shared_secret',
  'webhook.secretName': 'webhook',
  'tls.secretName': 'kas-tls',
  gitlabCaCert: PEM,
  'kubernetesApi.enabled': true,
  'api.enabled': true,
  'config.agent.listen.client_address_header': 'X-Forwarded-For',
  'config.agent.kubernetes_api.url_path_prefix': '/clusters/',
  'config.agent.gitops.max_total_manifest_file_size': 134_217_728,
  'config.observability.logging.level': 'debug',
  'ingress.enabled': true,
  'ingress.host': 'kas.example.com',
  'ingress.tlsSecretName': 'kas-tls',
  'ingress.className': 'nginx',
  'service.type': 'LoadBalancer',
  'networkPolicy.extraEgress': [{ ports: [{ port: 3128, protocol: 'TCP' }] }],
};

/** What `helm template` prints for a release called like its chart. */
export async function rendered(
  of: Chart,
  values: Values,
  within: string,
  ...more: string[]
): Promise<string> {
  return helm('template', of, chart(of), '-n', within, ...valueFlags(values), ...more);
}

export const kindOf = (objects: Map<string, KubeObject>, kind: string): KubeObject[] =>
  [...objects.values()].filter((object) => object.kind === kind);

/** The objects of that. */
export async function objectsFor(
  of: Chart,
  values: Values,
  within: string,
): Promise<Map<string, KubeObject>> {
  return objectsOf(await rendered(of, values, within));
}

/** The container of a Deployment. */
export function containerOf(deployment: KubeObject): JsonObject {
  return (dig(deployment, 'spec', 'template', 'spec', 'containers') as JsonObject[])[0]!;
}
