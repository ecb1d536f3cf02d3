import type { Json, JsonObject } from '../../core/model/json.ts';
import { SERVER_CONFIGURATION_FILE } from '../../server/configuration/fields.ts';
import {
  imageValues,
  MONITOR_VALUES,
  PLACEMENT_VALUES,
  SECURITY_VALUES,
  serviceAccountValues,
} from './common-values.ts';
import {
  choice,
  count,
  flag,
  group,
  object,
  objects,
  pairs,
  text,
  type Value,
  type Values,
} from './value.ts';

// Every value of the chart gitlab-agent-server.

/** Fields of the server's file that the chart writes itself: ports, and where it mounts what. */
const OWN_FIELDS = [
  'gitlab.authentication_secret_file',
  'gitlab.ca_certificate_file',
  'agent.registry_file',
  'agent.listen.address',
  'agent.listen.certificate_file',
  'agent.listen.key_file',
  'agent.kubernetes_api.listen.address',
  'agent.kubernetes_api.listen.certificate_file',
  'agent.kubernetes_api.listen.key_file',
  'api',
  'observability.listen',
  'private_api',
  'redis.password_file',
  'redis.server.address',
  'redis.server.ca_certificate_file',
  'repositories',
  'webhook',
];

/** The schema of the server's file without these fields. What it demands may be what the chart writes. */
function schemaWithout(schema: JsonObject, fields: readonly string[]): JsonObject {
  const copy = JSON.parse(JSON.stringify(schema, (name, value) => (name === 'required' ? undefined : value)));
  for (const field of fields) {
    const path = field.split('.');
    const name = path.pop()!;
    let holder: JsonObject | undefined = copy;
    for (const part of path) holder = (holder?.properties as Record<string, JsonObject> | undefined)?.[part];
    delete (holder?.properties as Record<string, Json> | undefined)?.[name];
  }
  return copy;
}

const CONFIG: Value = {
  doc: "The server's configuration file, `server.yaml`: docs/server-configuration.md has its fields. Ports, and the files of what the values below name, are written by the chart.",
  default: { gitlab: { address: '' } },
  schema: schemaWithout(SERVER_CONFIGURATION_FILE.schema, OWN_FIELDS),
};
// The chart says in a sentence what is missing; an empty address is none.
const gitlab = (CONFIG.schema.properties as Record<string, JsonObject>).gitlab!;
delete (gitlab.properties as Record<string, JsonObject>).address!.minLength;
delete (gitlab.properties as Record<string, JsonObject>).address!.format;

const secret = (doc: string, key: string): Values => ({
  secretName: text(doc),
  key: text('The key in that Secret.', key, { minLength: 1 }),
});

/** The chart gitlab-agent-server. */
export const SERVER_VALUES: Values = {
  config: CONFIG,
  gitlabCaCert: text("PEM with the authorities of GitLab's certificate."),
  registry: group('Registry mode: who may connect. Either this or `kasSecret`.', {
    ...secret('A Secret with the file that `gitlab-agent-server token create` writes.', 'registry.yaml'),
    content: text(
      'That file itself, in the place of `secretName`: `--set-file registry.content=registry.yaml`. It holds hashes, and no token.',
    ),
  }),
  kasSecret: group(
    'GitLab mode: GitLab itself says who may connect.',
    secret('A Secret with what GitLab shares with its agent server (`.gitlab_kas_secret`).', 'secret'),
  ),
  git: group('What repositories are read with.', {
    secretName: text(
      'A Secret with `token` and `username`, and `group__project.token` for single projects. Without it only public ones can be read.',
    ),
  }),
  tls: group('TLS at the ports for agents, and for people and pipelines.', {
    secretName: text(
      'A Secret of the type `kubernetes.io/tls`. Without it they are for a proxy in front, or within the cluster.',
    ),
  }),
  webhook: group("A port for GitLab's push events, with which a push arrives at once.", {
    ...secret("A Secret with the webhook's secret token. Without it there is no such port.", 'secret'),
  }),
  kubernetesApi: group('A port for people and pipelines: `/k8s-proxy/`.', {
    enabled: flag('Whether there is such a port.', false),
  }),
  api: group('A port for GitLab, which asks there who is connected. For `kasSecret` only.', {
    enabled: flag('Whether there is such a port.', false),
  }),
  redis: group('Redis or Valkey, by which several servers know of each other.', {
    address: text('`HOST:PORT`. More than one replica needs it.', '', { pattern: '^([^/\\s]+:[0-9]+)?$' }),
    ...secret('A Secret with its password.', 'password'),
    caCert: text('PEM with the authorities of its certificate; with `config.redis.server.tls=true`.'),
  }),
  privateApi: group(
    'The port by which servers hand requests to each other; it is there where `redis.address` is.',
    {
      ...secret(
        'A Secret with what they show each other. Default: the chart makes one and keeps it.',
        'secret',
      ),
      tlsSecretName: text(
        'A Secret with `tls.crt`, `tls.key` and `ca.crt`, for TLS among them. The certificate is for the name of the Service.',
      ),
    },
  ),
  replicas: count('How many Pods.', 1),
  ...imageValues('gitlab-agent-server', 'docker build -f deploy/Dockerfile --target server .'),
  resources: object('Resources of the container.', {
    requests: { cpu: '100m', memory: '256Mi' },
    limits: { memory: '1Gi' },
  }),
  cache: group('Bare repositories, in an `emptyDir`.', {
    sizeLimit: text('How large they may grow.', '4Gi', { minLength: 1 }),
  }),
  terminationGracePeriodSeconds: count(
    'How long what is under way may take when a Pod ends. It has to be more than `config.agent.listen.listen_grace_period`.',
    30,
  ),
  ...serviceAccountValues('The server needs no rights in the cluster, and gets no token for it.'),
  service: group('The Service for agents, webhooks, people and pipelines.', {
    type: choice('`LoadBalancer` where agents come from outside without an Ingress.', [
      'ClusterIP',
      'LoadBalancer',
      'NodePort',
    ]),
    annotations: pairs('Its annotations.'),
  }),
  ingress: group('An Ingress for agents (`wss://`), `/k8s-proxy/` and webhooks.', {
    enabled: flag('Whether there is one.', false),
    className: text('Its class.'),
    host: text('Its host: `kas.example.com`.'),
    tlsSecretName: text("A Secret of the type `kubernetes.io/tls` with the host's certificate."),
    annotations: pairs(
      'Its annotations. Connections stay open for hours: ask your controller for timeouts of more than an hour.',
    ),
    webhookPath: text('Where webhooks arrive.', '/webhook', { pattern: '^/' }),
  }),
  ...SECURITY_VALUES,
  podAnnotations: pairs('Annotations of the Pods.', {
    'prometheus.io/scrape': 'true',
    'prometheus.io/path': '/metrics',
    'prometheus.io/port': '8151',
  }),
  podLabels: pairs('More labels of the Pods.'),
  extraEnv: objects('More of its environment, such as `HTTPS_PROXY`.'),
  ...PLACEMENT_VALUES,
  networkPolicy: group('Who may connect to the server, and what it connects to.', {
    enabled: flag(
      'Whether nothing but its ports can be reached, and it reaches nothing but DNS, GitLab, Redis and its like.',
      true,
    ),
    extraEgress: objects('More rules for what it connects to, such as a proxy.'),
  }),
  ...MONITOR_VALUES,
};
