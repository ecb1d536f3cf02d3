/** Hand-made objects of agents, for states that a real one takes long to come to. */
import { stringify } from 'yaml';
import { applySetId } from '../../core/apply/apply-set.ts';
import type { SetStatus } from '../../core/model/record.ts';
import { accessOf, apiCall, apiRequest, type Endpoint, sharedCluster } from './cluster.ts';

export const FIRST = '1'.repeat(40);
export const SECOND = '2'.repeat(40);

const base = (namespace: string, endpoint: Endpoint) => ({
  admin: accessOf(endpoint),
  path: `/api/v1/namespaces/${namespace}/configmaps`,
});

/** The agent's own ConfigMap. */
export async function agentObject(
  namespace: string,
  name: string,
  record: Record<string, unknown> = {},
  endpoint: Endpoint = sharedCluster(),
): Promise<void> {
  const { admin, path } = base(namespace, endpoint);
  await apiCall(admin, 'POST', path, {
    metadata: { name: `gitlab-agent.${name}`, labels: { 'agent.gitlab.com/name': name } },
    data: {
      status: stringify({
        version: '0.1.0',
        gitlab: 'https://gitlab.example.com',
        // Which entries are in force is known once a configuration was read.
        configuration: { project: 'group/agents', ...(record.entries !== undefined && { applied: FIRST }) },
        ...record,
      }),
    },
  });
}

/** The agent's Lease; held and just renewed where not said otherwise. */
export async function leaseObject(
  namespace: string,
  name: string,
  { holder = 'agent-0_0123abcd', renewedAt = new Date() }: { holder?: string; renewedAt?: Date } = {},
  endpoint: Endpoint = sharedCluster(),
): Promise<void> {
  await apiCall(accessOf(endpoint), 'POST', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`, {
    metadata: { name: `gitlab-agent.${name}` },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: 10,
      renewTime: renewedAt.toISOString().replace('Z', '000Z'),
    },
  });
}

export interface ParentParts {
  project?: string;
  entry?: Record<string, unknown>;
  status?: Partial<SetStatus>;
  history?: unknown[];
  inventory?: unknown;
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
}

/** A status as the agent writes it: synced and healthy where not said otherwise. */
export function statusOf(status: Partial<SetStatus> = {}, now = new Date()): SetStatus {
  const at = now.toISOString();
  return {
    state: 'Synced',
    reason: 'Succeeded',
    message: '2 created',
    wanted: { revision: FIRST, at },
    observed: { revision: FIRST, at },
    applied: { revision: FIRST, at },
    healthy: { revision: FIRST, at },
    source: { project: 'group/shop', ref: 'refs/heads/main', by: 'agent test', tool: 'gitlab-agent/v0.1.0' },
    trigger: 'poll',
    startedAt: at,
    finishedAt: at,
    objects: 2,
    health: { healthy: 2 },
    ...status,
  };
}

/** The parent of an entry. */
export async function parentObject(
  namespace: string,
  agent: string,
  entry: string,
  { project = `group/${entry}`, status, history, inventory, ...rest }: ParentParts = {},
  endpoint: Endpoint = sharedCluster(),
): Promise<void> {
  const name = `gitlab-agent.${agent}.${entry}`;
  const { admin, path } = base(namespace, endpoint);
  await apiCall(admin, 'POST', path, {
    metadata: {
      name,
      labels: {
        'agent.gitlab.com/name': agent,
        'agent.gitlab.com/entry': entry,
        'applyset.kubernetes.io/id': applySetId({ namespace, name }).id,
        ...rest.labels,
      },
      annotations: {
        'agent.gitlab.com/project-path': project,
        'applyset.kubernetes.io/tooling': 'gitlab-agent/v0.1.0',
        'applyset.kubernetes.io/contains-group-kinds': 'ConfigMap',
        'applyset.kubernetes.io/additional-namespaces': '',
        ...rest.annotations,
      },
    },
    data: {
      entry: JSON.stringify({
        name: entry,
        repository: { project, url: `https://gitlab.example.com/${project}.git` },
        paths: [],
        kustomize: false,
        defaultNamespace: 'default',
        dependsOn: [],
        suspend: false,
        ...rest.entry,
      }),
      ...(status && { status: JSON.stringify(statusOf(status)) }),
      ...(history && { history: JSON.stringify(history) }),
      ...(inventory !== undefined && { inventory: JSON.stringify(inventory) }),
    },
  });
}

/** A Lease that is held: it is renewed until the test ends, by a clock that may differ from ours (in ms). */
export async function holdLease(
  t: { teardown(end: () => Promise<void>): void },
  namespace: string,
  name: string,
  skew = 0,
  endpoint: Endpoint = sharedCluster(),
): Promise<void> {
  const now = (): Date => new Date(Date.now() + skew);
  await leaseObject(namespace, name, { renewedAt: now() }, endpoint);
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/gitlab-agent.${name}`;
  const admin = accessOf(endpoint);
  let isBusy = false;
  const renew = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    const { status, body } = await apiRequest(admin, 'GET', path);
    const lease = body as { spec: { renewTime: string } };
    if (status === 200) {
      lease.spec.renewTime = now().toISOString().replace('Z', '000Z');
      await apiRequest(admin, 'PUT', path, lease);
    }
    isBusy = false;
  };
  const timer = setInterval(() => void renew().catch(() => undefined), 1000);
  t.teardown(async () => clearInterval(timer));
}
