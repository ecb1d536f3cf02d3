import { ConfigDocument, decodeConfig } from '../../core/config/document.ts';
import type { Item } from '../../core/config/types.ts';
import type { Level } from '../../core/model/log-level.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import { SERVER_CONFIGURATION_FILE, type ServerFileValues } from './fields.ts';

/** What one agent may be sent of one project. */
export interface GitopsLimits {
  fileBytes: number;
  totalBytes: number;
  paths: number;
  files: number;
}

export interface CertificateFiles {
  certificateFile: string;
  keyFile: string;
}

export interface KubernetesApiConfig {
  address: string;
  tls?: CertificateFiles;
  addressHeader?: string;
  /** Begins and ends with a slash. */
  prefix: string;
  ttl: number;
  errorTtl: number;
}

export interface RedisConfig {
  host: string;
  port: number;
  username?: string;
  passwordFile?: string;
  database: number;
  keyPrefix: string;
  tls: boolean;
  caFile?: string;
}

/** Where other replicas connect. */
export interface PrivateApiConfig {
  address: string;
  secretFile: string;
  tls?: CertificateFiles;
  caFile?: string;
}

/** The configuration of the server, with all defaults. Durations in ms; URLs without a slash at the end. */
export interface ServerConfig {
  gitlabUrl: string;
  externalUrl: string;
  caFile?: string;
  apiRate: { perSecond: number; burst: number };
  /** Who says who may connect: exactly one of them. */
  access: { secretFile: string } | { registryFile: string };
  infoTtl: number;
  infoErrorTtl: number;
  agents: {
    address: string;
    tls?: CertificateFiles;
    addressHeader?: string;
    callsPerTokenPerMinute: number;
    maxAge: number;
    grace: number;
  };
  /** The port for people and pipelines, where there is one. */
  kubernetesApi?: KubernetesApiConfig;
  configuration: { pollPeriod: number; maxBytes: number };
  gitops: GitopsLimits & { pollPeriod: number; projectTtl: number; projectErrorTtl: number };
  repositories: { credentialsDir?: string; cacheDir?: string };
  observability: { address: string; level: Level; usagePeriod: number };
  api?: { address: string; secretFile: string; tls?: CertificateFiles };
  webhook?: { address: string; secretFile: string };
  /** What replicas need; both or none. */
  replicas?: { redis: RedisConfig; privateApi: PrivateApiConfig };
}

/** PEM files. */
const MAX_BYTES = 1024 * 1024;

/** Reads the configuration file. Throws ProblemError with all that is wrong, each with its place. */
export function parseServerConfig(bytes: Uint8Array, file: string): ServerConfig {
  const decoded = decodeConfig(bytes, file, MAX_BYTES);
  if (!('text' in decoded)) throw new ProblemError(decoded);
  const document = new ConfigDocument(decoded.text, file);
  const values = document.read((root) => SERVER_CONFIGURATION_FILE.read(root, 'the configuration', document));
  const config = values && build(values, document);
  if (config && document.problems.length === 0) return config;
  throw new ProblemError(...document.problems.sort(byPlace));
}

function build(values: ServerFileValues, document: ConfigDocument): ServerConfig | undefined {
  const { gitlab, agent, repositories, observability, api, redis, private_api, webhook } = values;
  const { address, external_url, authentication_secret_file, ca_certificate_file, api_rate_limit } =
    gitlab.value;
  const {
    listen,
    configuration,
    gitops,
    kubernetes_api,
    registry_file,
    info_cache_ttl,
    info_cache_error_ttl,
  } = agent.value;
  const access = accessOf(authentication_secret_file, registry_file, gitlab.at, document);
  const tls = certificateOf(listen.value, document);
  const apiListen = api?.value.listen.value;
  const apiTls = apiListen && certificateOf(apiListen, document);
  const kubernetesApi = kubernetes_api && kubernetesApiOf(kubernetes_api.value, document);
  if (redis && !private_api) document.report(redis.at, 'redis has no private_api beside it');
  if (private_api && !redis) document.report(private_api.at, 'private_api has no redis beside it');
  const replicas = redis && private_api && replicasOf(redis.value, private_api.value, document);
  if (!access) return undefined;
  const { credentials_dir, cache_dir } = repositories.value;
  const { max_manifest_file_size, max_total_manifest_file_size, max_number_of_paths, max_number_of_files } =
    gitops.value;
  return {
    gitlabUrl: withoutSlash(address.value),
    externalUrl: withoutSlash((external_url ?? address).value),
    ...(ca_certificate_file && { caFile: ca_certificate_file.value }),
    apiRate: {
      perSecond: api_rate_limit.value.refill_rate_per_second.value,
      burst: api_rate_limit.value.bucket_size.value,
    },
    access,
    infoTtl: info_cache_ttl.value,
    infoErrorTtl: info_cache_error_ttl.value,
    agents: {
      address: listen.value.address.value,
      ...(tls && { tls }),
      ...(listen.value.client_address_header && { addressHeader: listen.value.client_address_header.value }),
      callsPerTokenPerMinute: listen.value.connections_per_token_per_minute.value,
      maxAge: listen.value.max_connection_age.value,
      grace: listen.value.listen_grace_period.value,
    },
    ...(kubernetesApi && { kubernetesApi }),
    ...(replicas && { replicas }),
    configuration: {
      pollPeriod: configuration.value.poll_period.value,
      maxBytes: configuration.value.max_configuration_file_size.value,
    },
    gitops: {
      pollPeriod: gitops.value.poll_period.value,
      projectTtl: gitops.value.project_info_cache_ttl.value,
      projectErrorTtl: gitops.value.project_info_cache_error_ttl.value,
      fileBytes: max_manifest_file_size.value,
      totalBytes: max_total_manifest_file_size.value,
      paths: max_number_of_paths.value,
      files: max_number_of_files.value,
    },
    repositories: {
      ...(credentials_dir && { credentialsDir: credentials_dir.value }),
      ...(cache_dir && { cacheDir: cache_dir.value }),
    },
    observability: {
      address: observability.value.listen.value.address.value,
      level: observability.value.logging.value.level.value,
      usagePeriod: observability.value.usage_reporting_period.value,
    },
    ...(apiListen && {
      api: {
        address: apiListen.address.value,
        secretFile: apiListen.authentication_secret_file.value,
        ...(apiTls && { tls: apiTls }),
      },
    }),
    ...(webhook && {
      webhook: { address: webhook.value.address.value, secretFile: webhook.value.secret_file.value },
    }),
  };
}

type ValuesOf<K extends 'listen' | 'kubernetes_api'> = NonNullable<
  ServerFileValues['agent']['value'][K]
>['value'];

function kubernetesApiOf(values: ValuesOf<'kubernetes_api'>, document: ConfigDocument): KubernetesApiConfig {
  const { listen, url_path_prefix, allowed_agent_cache_ttl, allowed_agent_cache_error_ttl } = values;
  const { address, client_address_header: header } = listen.value;
  const tls = certificateOf(listen.value, document);
  return {
    address: address.value,
    ...(tls && { tls }),
    ...(header && { addressHeader: header.value }),
    prefix: url_path_prefix.value,
    ttl: allowed_agent_cache_ttl.value,
    errorTtl: allowed_agent_cache_error_ttl.value,
  };
}

function replicasOf(
  { server, username, password_file, database_index, key_prefix }: SectionOf<'redis'>,
  { listen }: SectionOf<'private_api'>,
  document: ConfigDocument,
): NonNullable<ServerConfig['replicas']> {
  const { address, tls: isTls, ca_certificate_file } = server.value;
  const { hostname, port } = new URL(`tcp://${address.value}`);
  const own = listen.value;
  const tls = certificateOf(own, document);
  return {
    redis: {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port),
      ...(username && { username: username.value }),
      ...(password_file && { passwordFile: password_file.value }),
      database: database_index.value,
      keyPrefix: key_prefix.value,
      tls: isTls.value,
      ...(ca_certificate_file && { caFile: ca_certificate_file.value }),
    },
    privateApi: {
      address: own.address.value,
      secretFile: own.authentication_secret_file.value,
      ...(tls && { tls }),
      ...(own.ca_certificate_file && { caFile: own.ca_certificate_file.value }),
    },
  };
}

type SectionOf<K extends keyof ServerFileValues> = NonNullable<ServerFileValues[K]>['value'];

function accessOf(
  secret: Item<string> | undefined,
  registry: Item<string> | undefined,
  at: number,
  document: ConfigDocument,
): ServerConfig['access'] | undefined {
  if (secret && !registry) return { secretFile: secret.value };
  if (registry && !secret) return { registryFile: registry.value };
  const message = secret
    ? 'authentication_secret_file and agent.registry_file exclude each other'
    : 'nothing says which agents may connect';
  document.report(
    (secret ?? { at }).at,
    message,
    secret ? 'leave one of them' : 'set agent.registry_file, or gitlab.authentication_secret_file',
  );
  return undefined;
}

function certificateOf(
  {
    certificate_file: certificate,
    key_file: key,
  }: { certificate_file?: Item<string> | undefined; key_file?: Item<string> | undefined },
  document: ConfigDocument,
): CertificateFiles | undefined {
  if (certificate && !key) document.report(certificate.at, 'certificate_file has no key_file beside it');
  if (key && !certificate) document.report(key.at, 'key_file has no certificate_file beside it');
  return certificate && key && { certificateFile: certificate.value, keyFile: key.value };
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function byPlace(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
