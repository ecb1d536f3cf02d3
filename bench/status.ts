import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { agentObject, FIRST, holdLease, parentObject } from '../test/support/agent-objects.ts';
import { apiCall, apiRequest } from '../test/support/control-plane/api.ts';
import {
  type AuditEntry,
  auditOffset,
  countRequests,
  readAudit,
} from '../test/support/control-plane/audit.ts';
import { startControlPlane } from '../test/support/control-plane/control-plane.ts';
import { accessOf, type Endpoint, loadEndpoint } from '../test/support/control-plane/endpoint.ts';
import { waitFor } from '../test/support/control-plane/wait.ts';
import { PLUGIN, startPlugin } from '../test/support/plugin.ts';
import { cpuSeconds, megabytes } from './process.ts';
import { sendAll } from './requests.ts';

const PROJECTS = 5;
const OF_A_KIND = 20;
const NAMESPACE = `bench-status-${randomBytes(2).toString('hex')}`;

interface Options {
  /** How long each form is looked at, once quiet and once with changes. */
  seconds: number;
  signal: AbortSignal;
  say: (text: string) => void;
}

/** Measures `status -w` of 500 objects, as a table and as a tree, while nothing happens and while much does. */
export async function benchStatus({ seconds, signal, say }: Options): Promise<void> {
  say('starting a control plane');
  await using cluster = await openWithWorkloads(signal);
  const ends: (() => Promise<void>)[] = [];
  try {
    await prepare(cluster, { teardown: (end) => void ends.push(end) }, signal, say);
    for (const form of ['table', 'tree'] as const) await watch(cluster, form, { seconds, signal, say });
  } finally {
    for (const end of ends) await end();
  }
}

/** The control plane of TEST_CONTROL_PLANE, else one of its own: there are Pods, and what is asked of it is logged. */
async function openWithWorkloads(signal: AbortSignal): Promise<Endpoint & AsyncDisposable> {
  const given = loadEndpoint(process.env.TEST_CONTROL_PLANE);
  if (!given) return await startControlPlane({ auditLog: true, purpose: 'runs `npm run bench`', signal });
  const path = `/api/v1/namespaces/${NAMESPACE}`;
  const remove = async (): Promise<void> => void (await apiRequest(accessOf(given), 'DELETE', path));
  return { ...given, [Symbol.asyncDispose]: remove };
}

type Teardown = Parameters<typeof holdLease>[0];

async function prepare(
  cluster: Endpoint,
  t: Teardown,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  const admin = accessOf(cluster);
  await apiCall(admin, 'POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  const account = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`;
  await waitFor(async () => (await apiRequest(admin, 'GET', account)).status === 200, {
    what: 'the namespace',
  });
  const objects = range(PROJECTS).flatMap((project) => objectsOf(project));
  say(`${objects.length} objects in ${PROJECTS} projects`);
  const requests = objects.map(({ path, body }) => ({
    method: 'POST' as const,
    path,
    body: JSON.stringify(body),
  }));
  await sendAll(admin, requests, { signal });
  const deployments = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
  const areReady = async (): Promise<boolean> => {
    const { items } = (await apiCall(admin, 'GET', deployments)) as {
      items: { status: { readyReplicas?: number } }[];
    };
    return items.every(({ status }) => status.readyReplicas === 1);
  };
  await waitFor(areReady, { what: 'all Pods', timeout: 120_000, signal });
  const entries = range(PROJECTS).map((project) => `p${project}`);
  await agentObject(NAMESPACE, 'bench', { entries }, cluster);
  await holdLease(t, NAMESPACE, 'bench', 0, cluster);
  for (const project of range(PROJECTS)) {
    const names = Map.groupBy(objectsOf(project), ({ kind }) => `${kind} -n ${NAMESPACE}`);
    const listed = [...names].map(([kind, of]) => [
      kind,
      Object.fromEntries(of.map(({ name }) => [name, 'a.yaml:1'])),
    ]);
    const inventory = { revision: FIRST, objects: Object.fromEntries(listed) };
    await parentObject(NAMESPACE, 'bench', `p${project}`, { status: { objects: 100 }, inventory }, cluster);
  }
}

interface Made {
  /** As inventories name it. */
  kind: string;
  name: string;
  /** Of its collection. */
  path: string;
  body: object;
}

/** 20 each of five kinds. */
function objectsOf(project: number): Made[] {
  return range(OF_A_KIND).flatMap((index) => {
    const name = `o-${project}-${index}`;
    const metadata = { name, labels: { app: name } };
    const core = (kind: string, plural: string, more: object): Made => ({
      kind,
      name,
      path: `/api/v1/namespaces/${NAMESPACE}/${plural}`,
      body: { metadata, ...more },
    });
    const template = {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image: 'registry.example.com/app:1' }] },
    };
    return [
      core('configmap', 'configmaps', { data: { text: 'x'.repeat(1000) } }),
      core('secret', 'secrets', { stringData: { text: 'x'.repeat(1000) } }),
      core('service', 'services', { spec: { selector: { app: name }, ports: [{ port: 80 }] } }),
      core('serviceaccount', 'serviceaccounts', {}),
      {
        kind: 'deployment.apps',
        name,
        path: `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`,
        body: { metadata, spec: { selector: { matchLabels: { app: name } }, template } },
      },
    ];
  });
}

async function watch(
  cluster: Endpoint,
  form: 'table' | 'tree',
  { seconds, signal, say }: Options,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-status-'));
  const file = join(directory, 'pid');
  let offset = await auditOffset(cluster);
  const since = async (): Promise<AuditEntry[]> => {
    const { entries, next } = await readAudit(cluster, offset);
    offset = next;
    return entries.filter(
      ({ userAgent, namespace, uri }) =>
        userAgent.startsWith('kubectl-gitlab-agent/') && (namespace === NAMESPACE || uri.includes(NAMESPACE)),
    );
  };
  // A terminal of its own: it draws as it does for a person.
  const command = `stty cols 120 rows 40; echo $$ > ${file}; exec ${process.execPath} ${PLUGIN} status -w -o ${form} -n ${NAMESPACE}`;
  const { child, soFar, done } = startPlugin(['-qec', command, '/dev/null'], {
    program: ['script'],
    env: { KUBECONFIG: cluster.kubeconfig, TERM: 'xterm', SHELL: '/bin/sh' },
    input: 'open',
  });
  try {
    await waitFor(() => soFar.stdout.includes('p4'), { what: 'the first picture', signal });
    await delay(5_000, undefined, { signal });
    const pid = Number(readFileSync(file, 'utf8'));
    report(`${form}: requests until it stands: LIST, WATCH, others`, kinds(await since()));
    for (const [what, change] of [
      ['nothing happens', undefined],
      ['changes', changes(cluster)],
    ] as const) {
      say(`${form}: ${what}, for ${seconds} s`);
      const [before, drawn, startedAt] = [cpuSeconds(pid), soFar.stdout.length, performance.now()];
      const count = await during(seconds, signal, change);
      const took = (performance.now() - startedAt) / 1000;
      const share = ((cpuSeconds(pid) - before) / took) * 100;
      report(
        `${form}, ${what}${change ? ` (${count})` : ''}: share of a core (goal: < 5 %)`,
        `${share.toFixed(2)} %`,
      );
      report(`${form}, ${what}: requests: LIST, WATCH, others (goal: none)`, kinds(await since()));
      report(`${form}, ${what}: KB drawn`, ((soFar.stdout.length - drawn) / 1024).toFixed(0));
      report(`${form}, ${what}: MB resident`, megabytes(pid).toFixed(0));
    }
  } finally {
    child.stdin.write('\u0003');
    await done;
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One change after the other: a Deployment is rolled out anew, a ConfigMap gets other data, a project is synced. */
function changes(cluster: Endpoint): () => Promise<void> {
  const admin = accessOf(cluster);
  let number = 0;
  return async () => {
    number += 1;
    const name = `o-${number % PROJECTS}-${number % OF_A_KIND}`;
    const template = { metadata: { annotations: { change: String(number) } } };
    const deployment = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${name}`;
    await apiCall(admin, 'PATCH', deployment, { spec: { template } });
    const configMap = `/api/v1/namespaces/${NAMESPACE}/configmaps/${name}`;
    await apiCall(admin, 'PATCH', configMap, { data: { change: String(number) } });
    const parent = `/api/v1/namespaces/${NAMESPACE}/configmaps/gitlab-agent.bench.p${number % PROJECTS}`;
    const annotations = { 'agent.gitlab.com/sync-requested-at': new Date().toISOString() };
    await apiCall(admin, 'PATCH', parent, { metadata: { annotations } });
  };
}

/** Waits so long, with a change each second; returns how many there were. */
async function during(seconds: number, signal: AbortSignal, change?: () => Promise<void>): Promise<number> {
  for (let second = 0; second < seconds; second += 1) {
    const next = delay(1_000, undefined, { signal });
    await change?.();
    await next;
  }
  return change ? seconds : 0;
}

function kinds(entries: readonly AuditEntry[]): string {
  const [lists, watches] = ['list', 'watch'].map((verb) => countRequests(entries, { verb }));
  return `${lists}, ${watches}, ${entries.length - lists! - watches!}`;
}

function report(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(66)}${value.padStart(12)}\n`);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
