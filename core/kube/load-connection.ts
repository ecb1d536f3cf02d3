import { type Choice, chooseContext, noServer } from './choose-context.ts';
import type { Auth, Connection, ConnectionFlags, ExecPlugin, Impersonation } from './connection.ts';
import {
  isServiceAccountThere,
  podNamespace,
  SERVICE_ACCOUNT_DIR,
  serviceAccountAuth,
} from './in-cluster.ts';
import { type LoadedKubeconfig, loadKubeconfig } from './kubeconfig.ts';
import type { ClusterEntry, ExecEntry, UserEntry } from './kubeconfig-file.ts';
import { type Environment, problem } from './problems.ts';
import { environmentProxy, parseProxy } from './proxy-choice.ts';
import { parseTimeout } from './timeout.ts';
import { readTls } from './tls-material.ts';
import { type ChosenAuth, chooseAuth, type UserFlags } from './user-auth.ts';

/** What the loader may know of the machine; nothing is read from the process itself. */
export interface Surroundings {
  env: Environment;
  homedir: string;
  /** Where a pod finds its service account; tests name another folder. */
  serviceAccountDir?: string;
}

/**
 * Finds out which API server to speak to and as whom, by kubectl's rules (client-go `clientcmd`): kubeconfig with
 * the flags on top, and where that names no server, the pod's service account. Reads certificates and checks them.
 * Throws ProblemError, whose sentences hold no secrets.
 *
 * Where it is kinder than kubectl: a flag replaces the kubeconfig's credential of the same kind where kubectl
 * refuses the pair; `--token` puts the user's client certificate aside, which an API server would prefer to the
 * token; and no server at all is an error with a hint instead of a try at `localhost:8080`.
 */
export function loadConnection(flags: ConnectionFlags, surroundings: Surroundings): Connection {
  const { env, homedir, serviceAccountDir = SERVICE_ACCOUNT_DIR } = surroundings;
  const loaded = loadKubeconfig(flags.kubeconfig, env, homedir);
  const choice = chooseContext(loaded, flags);
  const inPod = isServiceAccountThere(env, serviceAccountDir);
  const namespace = {
    namespace:
      flags.namespace ||
      choice.context?.namespace ||
      (inPod ? podNamespace(env, serviceAccountDir) : 'default'),
    namespaceExplicit: Boolean(flags.namespace),
  };
  // kubectl's default, 0, leaves requests without an end; here it leaves the choice to the transport.
  const requestTimeout = flags.requestTimeout ? parseTimeout(flags.requestTimeout) : 0;
  const timeout = requestTimeout > 0 ? { requestTimeout } : {};

  const server = flags.server || choice.cluster?.server || env.KUBERNETES_MASTER;
  if (!server) {
    if (!inPod) throw noServer(loaded);
    return { ...namespace, ...timeout, ...inCluster(flags, env, serviceAccountDir) };
  }
  const address = parseServer(server);
  const cluster = overrideCluster(choice.cluster ?? {}, flags);
  const user = choice.user ?? {};
  const proxy = cluster.proxyUrl
    ? parseProxy(cluster.proxyUrl, choice.clusterName)
    : environmentProxy(env, address);
  // kubectl reads credentials only where they travel encrypted.
  const secure = address.protocol === 'https:';
  const tls = secure ? readTls(cluster, user, flags, choice) : { insecure: false };
  const auth = secure
    ? chooseAuth(user, userFlags(flags, address), describeUser(choice))
    : ({ kind: 'none' } as const);
  const impersonate = impersonation(flags, user, describeUser(choice));
  const url = serverUrl(address);
  return {
    server: url,
    ...(choice.contextName ? { contextName: choice.contextName } : {}),
    ...namespace,
    tls,
    auth: completeAuth(auth, env, choice.userName, loaded, { server: url, cluster, ca: tls.ca, proxy }),
    ...(impersonate ? { impersonate } : {}),
    ...(proxy ? { proxy } : {}),
    compression: !(flags.disableCompression || cluster.disableCompression),
    ...timeout,
  };
}

function inCluster(
  flags: ConnectionFlags,
  env: Environment,
  dir: string,
): Omit<Connection, 'namespace' | 'namespaceExplicit'> {
  const { address, user, caFile } = serviceAccountAuth(env, dir);
  const cluster = overrideCluster({ certificateAuthority: caFile }, flags);
  const auth = chooseAuth(user, userFlags(flags, address), 'the service account');
  const impersonate = impersonation(flags, user, 'the service account');
  const proxy = environmentProxy(env, address);
  return {
    server: serverUrl(address),
    tls: readTls(cluster, user, flags, {}),
    auth: auth.kind === 'exec' || auth.kind === 'provider' ? { kind: 'none' } : auth,
    ...(impersonate ? { impersonate } : {}),
    ...(proxy ? { proxy } : {}),
    compression: !flags.disableCompression,
  };
}

/** `--insecure-skip-tls-verify` and `--certificate-authority` each replace what the kubeconfig says of trust. */
function overrideCluster(cluster: ClusterEntry, flags: ConnectionFlags): ClusterEntry {
  const result = { ...cluster };
  if (flags.insecureSkipTlsVerify || flags.certificateAuthority) {
    result.insecureSkipTlsVerify = flags.insecureSkipTlsVerify ?? false;
    result.certificateAuthority = flags.certificateAuthority;
    result.certificateAuthorityData = undefined;
  }
  // Another server has another certificate: the kubeconfig's name for it does not count any more.
  if (flags.tlsServerName || flags.server) result.tlsServerName = flags.tlsServerName;
  return result;
}

function userFlags(flags: ConnectionFlags, address: URL): UserFlags {
  // Go sends `https://user:password@host` as basic authentication, where nothing else is given.
  const { username, password } = address;
  const userInfo = username
    ? { username: decodeURIComponent(username), password: decodeURIComponent(password) }
    : undefined;
  return { ...(flags.token ? { token: flags.token } : {}), ...(userInfo ? { userInfo } : {}) };
}

function impersonation(flags: ConnectionFlags, user: UserEntry, whose: string): Impersonation | undefined {
  const as = flags.as || user.as;
  const uid = flags.asUid || user.asUid;
  const groups = flags.asGroup?.length ? flags.asGroup : (user.asGroups ?? []);
  const extra = user.asUserExtra ?? {};
  const names = [as ?? '', uid ?? '', ...groups, ...Object.entries(extra).flat(2)];
  if (names.some((name) => /[\x00-\x1f\x7f]/.test(name))) {
    throw problem('ImpersonationInvalid', `a name to impersonate holds a line break or the like (${whose})`);
  }
  if (as) return { user: as, ...(uid ? { uid } : {}), groups, extra };
  if (!uid && groups.length === 0 && Object.keys(extra).length === 0) return undefined;
  throw problem(
    'ImpersonationIncomplete',
    `a group, uid or extra to impersonate needs a user to impersonate (${whose})`,
    'name the user with --as',
  );
}

/** What a plugin is told of the cluster that it is asked for. */
interface Reached {
  server: string;
  cluster: ClusterEntry;
  ca: Buffer | undefined;
  proxy: URL | undefined;
}

function completeAuth(
  auth: ChosenAuth,
  env: Environment,
  userName: string | undefined,
  { userFiles }: LoadedKubeconfig,
  reached: Reached,
): Auth {
  if (auth.kind === 'exec') return { kind: 'exec', plugin: execPlugin(auth.entry, env, reached) };
  if (auth.kind !== 'provider') return auth;
  const file = userName ? userFiles.get(userName) : undefined;
  const origin = userName && file ? { origin: { file, user: userName } } : {};
  return { kind: 'provider', provider: { ...auth.entry, environment: env, ...origin } };
}

function execPlugin(entry: ExecEntry, env: Environment, { server, cluster, ca, proxy }: Reached): ExecPlugin {
  const own = Object.fromEntries(entry.env.map(({ name, value }) => [name, value]));
  const info = {
    server,
    ...(cluster.tlsServerName ? { 'tls-server-name': cluster.tlsServerName } : {}),
    ...(cluster.insecureSkipTlsVerify ? { 'insecure-skip-tls-verify': true } : {}),
    ...(ca ? { 'certificate-authority-data': ca.toString('base64') } : {}),
    ...(proxy ? { 'proxy-url': proxy.href } : {}),
    ...(cluster.disableCompression ? { 'disable-compression': true } : {}),
    ...(cluster.execConfig === undefined ? {} : { config: cluster.execConfig }),
  };
  return {
    ...entry,
    environment: { ...env, ...own },
    ...(entry.provideClusterInfo ? { cluster: info } : {}),
  };
}

/** `host:port` without a scheme is plain HTTP, as in kubectl. Throws ProblemError. */
function parseServer(server: string): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `http://${server}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:') || !url.hostname) {
    throw problem(
      'ServerInvalid',
      'the address of the API server is not an http or https URL',
      'it looks like https://host:6443',
    );
  }
  return url;
}

function serverUrl(address: URL): string {
  return `${address.protocol}//${address.host}${address.pathname.replace(/\/+$/, '')}`;
}

function describeUser(choice: Choice): string {
  return choice.userName ? `the user "${choice.userName}"` : 'the user';
}
