import { join } from 'node:path';
import { apiCall, apiRequest } from './api.ts';
import { type Binaries, cacheDirectory, findBinaries, SERVERS } from './binaries.ts';
import {
  apiServerArguments,
  etcdArguments,
  fakeNode,
  type Layout,
  workloadArguments,
  writeServiceAccountKey,
} from './components.ts';
import { accessOf, type Endpoint } from './endpoint.ts';
import { freePorts } from './ports.ts';
import { Supervised } from './supervised.ts';
import { COMPONENT_USERS, type Identity, writeKubeconfigs, writeUsers } from './users.ts';
import { waitFor } from './wait.ts';

export interface ControlPlaneOptions {
  /** Fake Nodes, `node-1` and on; 1 where not said, none without workloads. */
  nodes?: number;
  /** Writes every client's request to `auditLog`, for `audit.ts`. */
  auditLog?: boolean;
  /** False for etcd and the API server only: no controller, no scheduler, no Node; starts in half the time. */
  workloads?: boolean;
  /** Flags after ours, such as `--max-requests-inflight=1`. */
  apiServerFlags?: readonly string[];
  /** Users beside `admin` and `user-1` to `user-8`. The server reads their tokens at start only. */
  users?: readonly Identity[];
  /** What it is for, told to others who wait for their turn. */
  purpose?: string;
  /** Ends the wait and the start. */
  signal?: AbortSignal;
}

export interface ControlPlane extends Endpoint, AsyncDisposable {
  apiServer: {
    /** Sends a signal (SIGKILL where not said); waits for its end unless it is SIGSTOP or SIGCONT. */
    kill(signal?: NodeJS.Signals): Promise<void>;
    /** Ends it if it runs and starts it on the same port, with other extra flags if given; waits for /readyz. */
    restart(flags?: readonly string[]): Promise<void>;
  };
  /** Process ids of all that runs for it. */
  pids(): number[];
  /** Ends all processes and removes the directory. May be called twice. */
  stop(): Promise<void>;
}

// A machine that has just built the binaries is still busy.
const START_TIMEOUT_MS = 60_000;

/**
 * Starts a real control plane of plain processes on loopback ports, about 4 seconds, and waits until it works.
 * Two may run on a machine; a third waits. It ends with `stop()`, or with this process, however that ends.
 * Throws ProblemError with the component's name and the end of its log where one does not come up.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const workloads = options.workloads ?? true;
  const binaries = await findBinaries(workloads ? SERVERS : ['etcd', 'kube-apiserver'], {
    signal: options.signal,
  });
  const supervised = await Supervised.begin({
    slots: slots(),
    purpose: options.purpose ?? 'runs a control plane',
    onWait: ([holder]) =>
      process.stderr.write(`waiting for a control plane to end: process ${holder?.pid} ${holder?.purpose}\n`),
    signal: options.signal,
  });
  try {
    return await start(supervised, binaries, { ...options, workloads });
  } catch (error) {
    await supervised.stop();
    throw error;
  }
}

/**
 * At most two at once: one that something long takes (a test run, a person, a benchmark), one for the tests of a
 * run that break theirs. Two test runs that held one each and waited for a second would never end.
 */
function slots(): string[] {
  const inRun = process.env.TEST_CONTROL_PLANE !== undefined;
  return [join(cacheDirectory(), inRun ? 'second.lock' : 'first.lock')];
}

type Until = (what: string, condition: () => Promise<boolean>) => Promise<unknown>;

async function start(
  supervised: Supervised,
  binaries: Pick<Binaries, 'etcd' | 'kube-apiserver'> & Partial<Binaries>,
  options: ControlPlaneOptions & { workloads: boolean },
): Promise<ControlPlane> {
  const { users, tokenFile } = writeUsers(supervised.dir, options.users ?? []);
  const layout = await layOut(supervised.dir, tokenFile, options.auditLog === true);
  // A component that dies ends the wait at once, with the end of its log.
  const signal = AbortSignal.any([supervised.died, ...(options.signal ? [options.signal] : [])]);
  const until: Until = (what, condition) => waitFor(condition, { what, timeout: START_TIMEOUT_MS, signal });

  const endpoint: Endpoint = {
    url: layout.url,
    caFile: layout.caFile,
    kubeconfig: users.admin!.kubeconfig,
    token: users.admin!.token,
    users,
    dir: layout.dir,
    auditLog: layout.auditLog,
  };
  const startApiServer = async (flags: readonly string[]): Promise<void> => {
    const args = apiServerArguments(layout, { workloads: options.workloads, flags });
    supervised.start('kube-apiserver', binaries['kube-apiserver'], args);
    await until('kube-apiserver to be ready', async () => (await ask(endpoint, '/readyz')).status === 200);
  };

  supervised.start('etcd', binaries.etcd, etcdArguments(layout));
  await until('etcd to be healthy', async () => (await fetch(`${layout.etcdUrl}/health`)).ok);
  let flags = options.apiServerFlags ?? [];
  await startApiServer(flags);
  writeKubeconfigs(users, layout.url, layout.caFile);
  await until(
    'the namespaces',
    async () => (await ask(endpoint, '/api/v1/namespaces/kube-system')).status === 200,
  );
  if (options.workloads)
    await startWorkloads(supervised, binaries as Binaries, layout, endpoint, options.nodes ?? 1, until);
  reportDeath(supervised);

  return {
    ...endpoint,
    apiServer: {
      kill: (name = 'SIGKILL') => supervised.signal('kube-apiserver', name),
      restart: async (others) => {
        await supervised.signal('kube-apiserver', 'SIGKILL');
        flags = others ?? flags;
        await startApiServer(flags);
      },
    },
    pids: () => supervised.pids,
    stop: () => supervised.stop(),
    [Symbol.asyncDispose]: () => supervised.stop(),
  };
}

async function layOut(dir: string, tokenFile: string, auditLog: boolean): Promise<Layout> {
  const [apiPort, etcdPort, peerPort] = await freePorts(3);
  const serviceAccountKey = join(dir, 'service-account.key');
  writeServiceAccountKey(serviceAccountKey);
  return {
    dir,
    url: `https://127.0.0.1:${apiPort}`,
    apiPort: apiPort!,
    etcdUrl: `http://127.0.0.1:${etcdPort}`,
    etcdPeerUrl: `http://127.0.0.1:${peerPort}`,
    caFile: join(dir, 'certificates', 'apiserver.crt'),
    tokenFile,
    serviceAccountKey,
    auditLog: auditLog ? join(dir, 'audit.log') : undefined,
  };
}

async function startWorkloads(
  supervised: Supervised,
  binaries: Binaries,
  layout: Layout,
  endpoint: Endpoint,
  nodes: number,
  until: Until,
): Promise<void> {
  const args = workloadArguments(
    layout,
    (component) => endpoint.users[COMPONENT_USERS[component]]!.kubeconfig,
  );
  for (const [name, list] of Object.entries(args))
    supervised.start(name, binaries[name as keyof typeof args], list);
  const names = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`);
  const admin = accessOf(endpoint);
  await Promise.all(names.map((name) => apiCall(admin, 'POST', '/api/v1/nodes', fakeNode(name))));
  await Promise.all([
    until('the default ServiceAccount', async () => {
      return (await ask(endpoint, '/api/v1/namespaces/default/serviceaccounts/default')).status === 200;
    }),
    ...names.map((name) => until(`Node ${name} to be ready`, () => isNodeReady(endpoint, name))),
  ]);
}

/** Ready, and without the taint that keeps Pods away until a controller has seen that it is. */
async function isNodeReady(endpoint: Endpoint, name: string): Promise<boolean> {
  const { body } = await ask(endpoint, `/api/v1/nodes/${name}`);
  const conditions: { type: string; status: string }[] = body.status?.conditions ?? [];
  const ready = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  return ready && !body.spec?.taints?.length;
}

function ask(endpoint: Endpoint, path: string) {
  return apiRequest(accessOf(endpoint), 'GET', path);
}

/** Once it is up nobody waits for the components: say it, or the tests' timeouts would be all there is. */
function reportDeath(supervised: Supervised): void {
  supervised.died.addEventListener('abort', () => {
    const error = supervised.died.reason as Error;
    process.stderr.write(`${error.message}\n`);
  });
}
