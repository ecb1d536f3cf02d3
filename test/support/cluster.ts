/** What tests do with a cluster beside the code under test. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Access, apiCall, apiRequest } from './control-plane/api.ts';
import { findKubectl } from './control-plane/binaries.ts';
import { accessOf, type Endpoint, loadEndpoint } from './control-plane/endpoint.ts';
import { type User, writeKubeconfig } from './control-plane/users.ts';
import { waitFor } from './control-plane/wait.ts';

export { type Access, apiCall, apiRequest } from './control-plane/api.ts';
export { accessOf, type Endpoint } from './control-plane/endpoint.ts';
export { type WaitOptions, waitFor } from './control-plane/wait.ts';

/** The part of ava's `t` that we use. */
interface Test {
  title: string;
  teardown(end: () => Promise<void>): void;
}

/** The control plane of the whole run, with an audit log. Do not break it: tests that do start their own. */
export function sharedCluster(): Endpoint {
  const endpoint = loadEndpoint(process.env.TEST_CONTROL_PLANE);
  if (!endpoint) throw new Error('this test needs a control plane: run it with `npm test -- FILE`');
  return endpoint;
}

/**
 * Creates a namespace with a name of the test's own, usable for Pods when it returns, and deletes it when the test
 * ends. `endpoint` is the shared cluster where not said.
 */
export async function namespace(t: Test, endpoint: Endpoint = sharedCluster()): Promise<string> {
  const words = t.title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const name = `t-${words.slice(0, 40)}-${randomBytes(4).toString('hex')}`.replaceAll(/-+/g, '-');
  const admin = accessOf(endpoint);
  await apiCall(admin, 'POST', '/api/v1/namespaces', { metadata: { name } });
  t.teardown(async () => {
    // A test may have ended or broken its own control plane by now; the namespace goes with it.
    await apiRequest(admin, 'DELETE', `/api/v1/namespaces/${name}`).catch(() => {});
  });
  const path = `/api/v1/namespaces/${name}/serviceaccounts/default`;
  if (await hasControllers(admin)) {
    await waitFor(async () => (await apiRequest(admin, 'GET', path)).status === 200, {
      what: `the default ServiceAccount of ${name}`,
    });
  }
  return name;
}

/** A control plane without controllers never gets ServiceAccounts, and lets Pods in without them. */
async function hasControllers(admin: Access): Promise<boolean> {
  return (
    (await apiRequest(admin, 'GET', '/api/v1/namespaces/default/serviceaccounts/default')).status === 200
  );
}

/** A user of the test's own without rights: a ServiceAccount with a token and a kubeconfig file. */
export async function serviceAccount(
  inNamespace: string,
  name: string,
  endpoint: Endpoint = sharedCluster(),
): Promise<User> {
  const admin = accessOf(endpoint);
  const path = `/api/v1/namespaces/${inNamespace}/serviceaccounts`;
  await apiCall(admin, 'POST', path, { metadata: { name } });
  const { status } = await apiCall(admin, 'POST', `${path}/${name}/token`, {
    spec: { expirationSeconds: 86_400 },
  });
  const user = `system:serviceaccount:${inNamespace}:${name}`;
  const kubeconfig = join(endpoint.dir, `${inNamespace}.${name}.kubeconfig`);
  writeKubeconfig(kubeconfig, { ...admin, token: status.token }, user);
  return { name: user, groups: [`system:serviceaccounts:${inNamespace}`], token: status.token, kubeconfig };
}

/** A rule of a Role. */
export interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

/**
 * Gives a user rights: in a namespace, or in the whole cluster where none is named. Returns when the server grants
 * them (its authorizer follows the objects with a short delay).
 */
export async function grant(
  user: User,
  rules: Rule[],
  options: { namespace?: string; endpoint?: Endpoint } = {},
): Promise<void> {
  const endpoint = options.endpoint ?? sharedCluster();
  const admin = accessOf(endpoint);
  const name = `grant-${randomBytes(4).toString('hex')}`;
  const prefix = options.namespace ? '' : 'Cluster';
  const within = options.namespace ? `/namespaces/${options.namespace}` : '';
  const base = `/apis/rbac.authorization.k8s.io/v1${within}/${prefix.toLowerCase()}`;
  const apiGroup = 'rbac.authorization.k8s.io';
  await apiCall(admin, 'POST', `${base}roles`, { metadata: { name }, rules });
  await apiCall(admin, 'POST', `${base}rolebindings`, {
    metadata: { name },
    roleRef: { apiGroup, kind: `${prefix}Role`, name },
    subjects: [{ apiGroup, kind: 'User', name: user.name }],
  });
  await waitFor(() => mayAll(admin, user, rules, options.namespace), { what: `the rights of ${user.name}` });
}

async function mayAll(admin: Access, user: User, rules: Rule[], within?: string): Promise<boolean> {
  for (const rule of rules) {
    const [resource, subresource] = rule.resources[0]!.split('/');
    const resourceAttributes = {
      group: rule.apiGroups[0],
      resource,
      subresource,
      verb: rule.verbs[0],
      name: rule.resourceNames?.[0],
      namespace: within,
    };
    const review = { spec: { user: user.name, groups: user.groups, resourceAttributes } };
    const answer = await apiCall(admin, 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
    if (!answer.status.allowed) return false;
  }
  return true;
}

export interface KubectlOptions {
  /** The shared cluster's administrator where not said. */
  kubeconfig?: string;
  /** For `-f -`. */
  input?: string;
  /** Return what went wrong instead of throwing it. */
  allowFailure?: boolean;
  /** Beside the environment of the tests. */
  env?: Readonly<Record<string, string>>;
}

export interface KubectlResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs kubectl, for comparisons and for set-up. Throws what it says on stderr where it fails. */
export async function kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<KubectlResult> {
  const { promise, resolve, reject } = Promise.withResolvers<KubectlResult>();
  const child = spawn(await findKubectl(), args, { env: kubectlEnvironment(options) });
  const result: KubectlResult = { code: 0, stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      result[name] += text;
    });
  }
  child.on('error', reject);
  child.on('close', (code) => {
    result.code = code ?? 1;
    if (code === 0 || options.allowFailure) resolve(result);
    else reject(new Error(`kubectl ${args.join(' ')}: exit code ${result.code}\n${result.stderr}`));
  });
  // kubectl may end without reading it all.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return promise;
}

/** Runs kubectl for as long as it goes on; it ends at the end of its scope. `stdin`: a descriptor of a file. */
export async function followKubectl(
  args: readonly string[],
  { stdin, ...options }: Pick<KubectlOptions, 'kubeconfig' | 'env'> & { stdin?: number } = {},
): Promise<{ pid: number; stdout: () => string } & AsyncDisposable> {
  const child = spawn(await findKubectl(), args, {
    env: kubectlEnvironment(options),
    stdio: [stdin ?? 'ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  const ended = once(child, 'close');
  return {
    pid: child.pid!,
    stdout: () => text,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The person's aliases and discovery cache stay out: the cache is keyed by address, and ours are used again. */
function kubectlEnvironment({
  kubeconfig = sharedCluster().kubeconfig,
  env = {},
}: Pick<KubectlOptions, 'kubeconfig' | 'env'>): NodeJS.ProcessEnv {
  return {
    ...process.env,
    KUBECONFIG: kubeconfig,
    KUBERC: 'off',
    KUBECACHEDIR: `${kubeconfig}.cache`,
    ...env,
  };
}
