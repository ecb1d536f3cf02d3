import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { loadAll } from 'js-yaml';
import { isObject, type Json, type JsonObject } from '../model/json.ts';
import { ProblemError } from '../model/problem.ts';

/** A `clusters[].cluster` entry; file names are absolute. */
export interface ClusterEntry {
  server?: string;
  tlsServerName?: string;
  insecureSkipTlsVerify?: boolean;
  certificateAuthority?: string;
  certificateAuthorityData?: string;
  proxyUrl?: string;
  disableCompression?: boolean;
  /** What the cluster has for exec plugins: its extension `client.authentication.k8s.io/exec`. */
  execConfig?: Json;
}

/** A `users[].user` entry; file names, and an exec command with a slash, are absolute. */
export interface UserEntry {
  clientCertificate?: string;
  clientCertificateData?: string;
  clientKey?: string;
  clientKeyData?: string;
  token?: string;
  tokenFile?: string;
  username?: string;
  password?: string;
  as?: string;
  asUid?: string;
  asGroups?: string[];
  asUserExtra?: Record<string, string[]>;
  exec?: ExecEntry;
  authProvider?: { name: string; config: Record<string, string> };
}

export interface ExecEntry {
  command: string;
  args: string[];
  env: { name: string; value: string }[];
  apiVersion: string;
  installHint?: string;
  provideClusterInfo: boolean;
  interactiveMode?: string;
}

export interface ContextEntry {
  cluster?: string;
  user?: string;
  namespace?: string;
}

/** One kubeconfig file, or several merged. */
export interface Kubeconfig {
  clusters: Map<string, ClusterEntry>;
  users: Map<string, UserEntry>;
  contexts: Map<string, ContextEntry>;
  currentContext?: string;
}

const EXEC_EXTENSION = 'client.authentication.k8s.io/exec';

/**
 * Reads the text of one kubeconfig file (YAML or JSON; of several documents the first, as kubectl does).
 * Relative file names are resolved against the folder of `file`. Throws ProblemError with the line of what is
 * not YAML, or with the path of a field of the wrong type.
 */
export function parseKubeconfig(text: string, file: string): Kubeconfig {
  const reader = new FieldReader(file);
  const config = readDocument(text, file);
  if (config === null || config === undefined) return emptyKubeconfig();
  if (!isObject(config)) throw reader.wrong('it', 'a kubeconfig, a map with clusters, users and contexts');
  const base = dirname(resolve(file));
  const absolute = (path: string | undefined) => (!path || isAbsolute(path) ? path : join(base, path));
  return {
    clusters: reader.named(config, 'clusters', 'cluster', (entry, at) =>
      readCluster(reader, entry, at, absolute),
    ),
    users: reader.named(config, 'users', 'user', (entry, at) => readUser(reader, entry, at, absolute)),
    contexts: reader.named(config, 'contexts', 'context', (entry, at) => ({
      cluster: reader.text(entry, 'cluster', at),
      user: reader.text(entry, 'user', at),
      namespace: reader.text(entry, 'namespace', at),
    })),
    currentContext: reader.text(config, 'current-context', ''),
  };
}

export function emptyKubeconfig(): Kubeconfig {
  return { clusters: new Map(), users: new Map(), contexts: new Map() };
}

function readDocument(text: string, file: string): unknown {
  try {
    // `json` lets the last of duplicate keys win, as kubectl's parser does.
    return loadAll(text, { json: true })[0];
  } catch (error) {
    const { reason, mark } = error as { reason?: string; mark?: { line: number; column: number } };
    throw new ProblemError({
      code: 'KubeconfigSyntax',
      message: `the kubeconfig is not YAML: ${reason ?? 'unreadable'}`,
      file,
      ...(mark ? { line: mark.line + 1, column: mark.column + 1 } : {}),
    });
  }
}

type Resolve = (path: string | undefined) => string | undefined;

function readCluster(reader: FieldReader, entry: JsonObject, at: string, absolute: Resolve): ClusterEntry {
  const extension = reader
    .list(entry, 'extensions', at)
    .find((item) => isObject(item) && item.name === EXEC_EXTENSION) as JsonObject | undefined;
  return {
    server: reader.text(entry, 'server', at),
    tlsServerName: reader.text(entry, 'tls-server-name', at),
    insecureSkipTlsVerify: reader.flag(entry, 'insecure-skip-tls-verify', at),
    certificateAuthority: absolute(reader.text(entry, 'certificate-authority', at)),
    certificateAuthorityData: reader.text(entry, 'certificate-authority-data', at),
    proxyUrl: reader.text(entry, 'proxy-url', at),
    disableCompression: reader.flag(entry, 'disable-compression', at),
    execConfig: extension?.extension,
  };
}

function readUser(reader: FieldReader, entry: JsonObject, at: string, absolute: Resolve): UserEntry {
  const exec = reader.map(entry, 'exec', at);
  const provider = reader.map(entry, 'auth-provider', at);
  return {
    clientCertificate: absolute(reader.text(entry, 'client-certificate', at)),
    clientCertificateData: reader.text(entry, 'client-certificate-data', at),
    clientKey: absolute(reader.text(entry, 'client-key', at)),
    clientKeyData: reader.text(entry, 'client-key-data', at),
    token: reader.text(entry, 'token', at),
    tokenFile: absolute(reader.text(entry, 'tokenFile', at)),
    username: reader.text(entry, 'username', at),
    password: reader.text(entry, 'password', at),
    as: reader.text(entry, 'as', at),
    asUid: reader.text(entry, 'as-uid', at),
    asGroups: reader.texts(entry, 'as-groups', at),
    asUserExtra: readExtra(reader, entry, at),
    exec: exec && readExec(reader, exec, `${at}.exec`, absolute),
    authProvider: provider && {
      name: reader.text(provider, 'name', `${at}.auth-provider`) ?? '',
      config: readProviderConfig(reader, provider, `${at}.auth-provider`),
    },
  };
}

function readExec(reader: FieldReader, exec: JsonObject, at: string, absolute: Resolve): ExecEntry {
  const command = reader.text(exec, 'command', at) ?? '';
  return {
    // A bare name is looked up in PATH; one with a separator is a file beside the kubeconfig.
    command: command.includes(sep) ? absolute(command)! : command,
    args: reader.texts(exec, 'args', at) ?? [],
    env: reader.list(exec, 'env', at).map((item, index) => {
      if (!isObject(item)) throw reader.wrong(`${at}.env[${index}]`, 'a map');
      const where = `${at}.env[${index}]`;
      return { name: reader.text(item, 'name', where) ?? '', value: reader.text(item, 'value', where) ?? '' };
    }),
    apiVersion: reader.text(exec, 'apiVersion', at) ?? '',
    installHint: reader.text(exec, 'installHint', at),
    provideClusterInfo: reader.flag(exec, 'provideClusterInfo', at) ?? false,
    interactiveMode: reader.text(exec, 'interactiveMode', at),
  };
}

function readExtra(reader: FieldReader, entry: JsonObject, at: string): Record<string, string[]> | undefined {
  const extra = reader.map(entry, 'as-user-extra', at);
  if (!extra) return undefined;
  const keys = Object.keys(extra);
  return Object.fromEntries(keys.map((key) => [key, reader.texts(extra, key, `${at}.as-user-extra`) ?? []]));
}

function readProviderConfig(reader: FieldReader, provider: JsonObject, at: string): Record<string, string> {
  const config = reader.map(provider, 'config', at) ?? {};
  return Object.fromEntries(
    Object.keys(config).map((key) => [key, reader.text(config, key, `${at}.config`) ?? '']),
  );
}

const YES = /^(?:y|yes|true|on)$/i;
const NO = /^(?:n|no|false|off)$/i;

/** Takes fields out of parsed YAML with the type that they must have. Names fields in errors, never their values. */
class FieldReader {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  wrong(path: string, expected: string): ProblemError {
    const message = `the kubeconfig can't be used: ${path} must be ${expected}`;
    return new ProblemError({ code: 'KubeconfigInvalid', message, file: this.#file });
  }

  text(map: JsonObject, key: string, at: string): string | undefined {
    const value = map[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw this.wrong(dotted(at, key), 'a string (put it in quotes)');
    return value === '' ? undefined : value;
  }

  flag(map: JsonObject, key: string, at: string): boolean | undefined {
    const value = map[key];
    if (value === undefined || value === null) return undefined;
    if (value === true || (typeof value === 'string' && YES.test(value))) return true;
    if (value === false || (typeof value === 'string' && NO.test(value))) return false;
    throw this.wrong(dotted(at, key), 'true or false');
  }

  map(map: JsonObject, key: string, at: string): JsonObject | undefined {
    const value = map[key];
    if (value === undefined || value === null) return undefined;
    if (!isObject(value)) throw this.wrong(dotted(at, key), 'a map');
    return value;
  }

  list(map: JsonObject, key: string, at: string): Json[] {
    const value = map[key];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw this.wrong(dotted(at, key), 'a list');
    return value;
  }

  texts(map: JsonObject, key: string, at: string): string[] | undefined {
    const list = this.list(map, key, at);
    const odd = list.findIndex((item) => typeof item !== 'string');
    if (odd >= 0) throw this.wrong(`${dotted(at, key)}[${odd}]`, 'a string (put it in quotes)');
    return list.length > 0 ? (list as string[]) : undefined;
  }

  /** Kubeconfig's lists of `{name, <inner>}` as maps by name. The same name twice in one file is an error. */
  named<T>(
    config: JsonObject,
    key: string,
    inner: string,
    read: (entry: JsonObject, at: string) => T,
  ): Map<string, T> {
    const entries = new Map<string, T>();
    this.list(config, key, '').forEach((item, index) => {
      const at = `${key}[${index}]`;
      if (!isObject(item)) throw this.wrong(at, 'a map');
      const name = this.text(item, 'name', at) ?? '';
      if (entries.has(name)) throw this.wrong(at, `named otherwise, because "${name}" is there twice`);
      entries.set(name, read(this.map(item, inner, at) ?? {}, `${at}.${inner}`));
    });
    return entries;
  }
}

function dotted(at: string, key: string): string {
  return at ? `${at}.${key}` : key;
}
