import { map } from '../../core/config/map.ts';
import { choice, duration, FLAG, type Type } from '../../core/config/types.ts';
import { LOG_LEVELS } from '../../core/model/agent-config.ts';
import { PRIVATE_API, REDIS } from './replica-fields.ts';
import {
  CERTIFICATE_FILE,
  count,
  DIRECTORY,
  FILE,
  GITLAB_URL,
  HEADER_NAME,
  KEY_FILE,
  LISTEN_ADDRESS,
  URL_PATH_PREFIX,
} from './types.ts';

// Every field of the server's configuration file. How it is read, what is said about mistakes, the JSON Schema and
// docs/server-configuration.md all come from here. Names and defaults are those of GitLab's agent server where it has
// the field; defaults that differ say so.

const MINUTE_MS = 60_000;
const MIB = 2 ** 20;

const API_RATE_LIMIT = map({
  refill_rate_per_second: {
    type: count(),
    default: 100,
    doc: 'Requests a second, as a mean. GitLab had 50.',
  },
  bucket_size: { type: count(), default: 500, doc: 'Requests at once. GitLab had 250.' },
});

const GITLAB = map({
  address: {
    type: GITLAB_URL,
    required: true,
    doc: 'Where GitLab is: its API and its repositories.',
    example: 'https://gitlab.example.com',
  },
  external_url: {
    type: GITLAB_URL,
    doc: 'Where people find GitLab, and agents report to it. Default: `address`.',
    example: 'https://gitlab.example.com',
  },
  authentication_secret_file: {
    type: FILE,
    doc: 'GitLab mode: the secret that GitLab shares with its agent server (`.gitlab_kas_secret`, base64). GitLab says who may connect and read what.',
    example: '/etc/gitlab-agent-server/kas-secret',
  },
  ca_certificate_file: {
    type: FILE,
    doc: "PEM file with the authorities of GitLab's certificate, beside those that are trusted anyway.",
    example: '/etc/gitlab-agent-server/gitlab-ca.crt',
  },
  api_rate_limit: {
    type: API_RATE_LIMIT,
    default: API_RATE_LIMIT.empty,
    doc: "How often GitLab's API is asked at most.",
  },
});

const LISTEN = map({
  address: {
    type: LISTEN_ADDRESS,
    default: '127.0.0.1:8150',
    doc: 'Where agents connect: gRPC, and gRPC inside a WebSocket, at one port.',
    example: ':8150',
  },
  certificate_file: CERTIFICATE_FILE,
  key_file: KEY_FILE,
  websocket: {
    type: FLAG,
    default: true,
    doc: 'Has no effect: the port always takes both. It is accepted for old files.',
  },
  client_address_header: {
    type: HEADER_NAME,
    doc: 'The header in which a proxy in front says who connected by a WebSocket; its last item counts. Only with a proxy that always sets it.',
    example: 'X-Forwarded-For',
  },
  connections_per_token_per_minute: {
    type: count(),
    default: 10_000,
    doc: 'Calls that one token may begin in a minute.',
  },
  max_connection_age: {
    type: duration({ least: 1_000 }),
    default: 120 * MINUTE_MS,
    doc: 'After four fifths of it, more or less, a connection gets no new calls and its streams end in order; the agent connects anew.',
  },
  listen_grace_period: {
    type: duration(),
    default: 5_000,
    doc: 'How long what is under way may take to end when the server ends.',
  },
});

const CONFIGURATION = map({
  poll_period: {
    type: duration({ least: 100 }),
    default: 20_000,
    doc: 'Between two looks at a configuration project. GitLab had `300s` since 16.3.',
  },
  max_configuration_file_size: { type: count(), default: 128 * 1024, doc: 'Of a `config.yaml`, in bytes.' },
});

const GITOPS = map({
  poll_period: {
    type: duration({ least: 100 }),
    default: 20_000,
    doc: 'Between two looks at a manifest project: one for each, however many agents follow it. GitLab had `300s` since 16.3.',
  },
  project_info_cache_ttl: {
    type: duration(),
    default: 30_000,
    doc: 'How long GitLab is taken at its word that an agent may read a project. One that it may no longer read is sent for twice as long at most. GitLab had `300s`.',
  },
  project_info_cache_error_ttl: {
    type: duration(),
    default: MINUTE_MS,
    doc: 'The same where it may not.',
  },
  max_manifest_file_size: { type: count(), default: 5 * MIB, doc: 'Of one file, in bytes.' },
  max_total_manifest_file_size: {
    type: count(),
    default: 64 * MIB,
    doc: 'Of all files that an agent is sent of a project, in bytes. GitLab had 20 MiB.',
  },
  max_number_of_paths: { type: count(), default: 100, doc: 'Of a manifest project.' },
  max_number_of_files: {
    type: count(),
    default: 10_000,
    doc: 'Files that an agent is sent of a project. GitLab had 1000, and counted files that no path named too.',
  },
});

const ACCESS_LISTEN = map({
  address: {
    type: LISTEN_ADDRESS,
    default: '127.0.0.1:8154',
    doc: "Where people and pipelines reach the clusters' API.",
    example: ':8154',
  },
  certificate_file: CERTIFICATE_FILE,
  key_file: KEY_FILE,
  client_address_header: {
    type: HEADER_NAME,
    doc: 'The header in which a proxy in front says whose request it is; its last item counts. Only with a proxy that always sets it.',
    example: 'X-Forwarded-For',
  },
});

const KUBERNETES_API = map({
  listen: { type: ACCESS_LISTEN, default: ACCESS_LISTEN.empty, doc: 'The port for people and pipelines.' },
  url_path_prefix: {
    type: URL_PATH_PREFIX,
    default: '/k8s-proxy/',
    doc: 'What the paths of requests begin with. GitLab had `/`.',
    example: '/k8s-proxy/',
  },
  allowed_agent_cache_ttl: {
    type: duration(),
    default: 30_000,
    doc: 'How long it is known that a job or a person may use an agent. What is under way ends when it no longer is so, within twice that time. GitLab had `60s`.',
  },
  allowed_agent_cache_error_ttl: {
    type: duration(),
    default: 10_000,
    doc: 'The same where they may not.',
  },
});

const AGENT = map({
  listen: { type: LISTEN, default: LISTEN.empty, doc: 'The port for agents.' },
  configuration: { type: CONFIGURATION, default: CONFIGURATION.empty, doc: 'Configuration projects.' },
  gitops: { type: GITOPS, default: GITOPS.empty, doc: 'Manifest projects.' },
  kubernetes_api: {
    type: KUBERNETES_API,
    doc: "The clusters' API for people and pipelines. Without it, there is no port for it.",
  },
  registry_file: {
    type: FILE,
    doc: 'Registry mode: the file with the agents and hashes of their tokens that `gitlab-agent-server token` writes, such as from a mounted Secret. Read again when it changes.',
    example: '/etc/gitlab-agent-server/registry/registry.yaml',
  },
  info_cache_ttl: {
    type: duration(),
    default: 30_000,
    doc: 'How long GitLab is taken at its word about a token. A revoked one works for twice as long at most. GitLab had `300s`.',
  },
  info_cache_error_ttl: {
    type: duration(),
    default: MINUTE_MS,
    doc: 'The same about a token that it refused.',
  },
});

const LOGGING = map({
  level: { type: choice(LOG_LEVELS), default: 'info' as const, doc: 'How much is logged.' },
});

const OBSERVABILITY_LISTEN = map({
  address: {
    type: LISTEN_ADDRESS,
    default: '127.0.0.1:8151',
    doc: 'Where `/metrics`, `/liveness`, `/readiness` and `/agents` (who is connected) are served.',
    example: ':8151',
  },
});

const OBSERVABILITY = map({
  listen: {
    type: OBSERVABILITY_LISTEN,
    default: OBSERVABILITY_LISTEN.empty,
    doc: 'The port for probes and Prometheus.',
  },
  logging: { type: LOGGING, default: LOGGING.empty, doc: 'The log.' },
  usage_reporting_period: {
    type: duration(),
    default: MINUTE_MS,
    doc: 'How often GitLab is told how many batches of objects were sent; `0s`: never.',
  },
});

const API_LISTEN = map({
  address: {
    type: LISTEN_ADDRESS,
    default: '127.0.0.1:8153',
    doc: 'Where GitLab asks which agents are connected: gRPC.',
    example: ':8153',
  },
  authentication_secret_file: {
    type: FILE,
    required: true,
    doc: 'The secret that GitLab signs its calls with: the same as `gitlab.authentication_secret_file`, mostly. Read again for each call.',
    example: '/etc/gitlab-agent-server/kas-secret',
  },
  certificate_file: CERTIFICATE_FILE,
  key_file: KEY_FILE,
});

const API = map({ listen: { type: API_LISTEN, required: true, doc: 'The port for GitLab.' } });

const WEBHOOK = map({
  address: {
    type: LISTEN_ADDRESS,
    required: true,
    doc: "Where GitLab's push events arrive. They only make the server look at once.",
    example: ':8152',
  },
  secret_file: {
    type: FILE,
    required: true,
    doc: "The webhook's secret token. Read again for each event.",
    example: '/etc/gitlab-agent-server/webhook-secret',
  },
});

const REPOSITORIES = map({
  credentials_dir: {
    type: DIRECTORY,
    doc: 'Mounted Secret with the `token` and `username` that repositories are read with, for groups and projects of their own too (`group__project.token`). Read again when it changes.',
    example: '/etc/gitlab-agent-server/git',
  },
  cache_dir: {
    type: DIRECTORY,
    doc: 'For bare repositories. Default: a temporary directory.',
    example: '/var/cache/gitlab-agent-server',
  },
});

type TypeOf<T> = T extends Type<infer V> ? V : never;

/** The whole file. */
export const SERVER_CONFIGURATION_FILE = map({
  gitlab: { type: GITLAB, required: true, doc: 'The GitLab that agents are of.' },
  agent: { type: AGENT, default: AGENT.empty, doc: 'Agents: their connections, and what they are sent.' },
  repositories: {
    type: REPOSITORIES,
    default: REPOSITORIES.empty,
    doc: 'How repositories are read: with Git.',
  },
  observability: {
    type: OBSERVABILITY,
    default: OBSERVABILITY.empty,
    doc: 'What the server tells of itself.',
  },
  api: { type: API, doc: 'What GitLab asks. Without it, the port is not opened.' },
  redis: {
    type: REDIS,
    doc: 'What replicas share: which agents are connected to which of them. Needed for more than one replica only, and then with `private_api`.',
  },
  private_api: { type: PRIVATE_API, doc: 'How replicas hand requests to each other.' },
  webhook: { type: WEBHOOK, doc: 'The port for webhooks. Without it, repositories are only polled.' },
});

export type ServerFileValues = TypeOf<typeof SERVER_CONFIGURATION_FILE>;
