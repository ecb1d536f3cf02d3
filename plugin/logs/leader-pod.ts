import { leadershipOf } from '../../core/apply/agent-status.ts';
import type { Cluster, PodName } from '../../core/model/cluster.ts';
import { dig, isObject, type Json } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/object.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { AgentObjects } from '../agents/find-agents.ts';
import { judgeLease, type LeaseSight, PODS } from '../agents/lease-sight.ts';
import type { AgentsInSight } from '../agents/with-agents.ts';

/** The Pod that leads an agent, as its Lease says; none where the Lease was given back, or never held. */
export interface Leader {
  pod?: string;
  /** When it began to lead, by its own clock. */
  since?: string;
}

export function leaderOf(lease: KubeObject): Leader {
  const { holder } = leadershipOf(lease);
  const since = dig(lease, 'spec', 'acquireTime');
  return {
    ...(holder !== undefined && { pod: holder }),
    ...(typeof since === 'string' && { since }),
  };
}

/** Who leads now, or led last, and where nobody does, why: `production is not running: nobody has led it since 5m`. */
export async function findLeader(
  { cluster, clock }: Pick<AgentsInSight, 'cluster' | 'clock'>,
  agent: AgentObjects,
): Promise<{ leader: Leader; trouble?: string }> {
  const { lease, notes } = await judgeLease(cluster, agent, clock);
  if (isUnreadable(lease))
    throw new ProblemError({
      code: lease.failure.reason || 'Unreachable',
      message: `which Pod leads ${agent.name} can't be told: ${lease.failure.message}`,
      ...(lease.failure.status === 403 && {
        hint: `it needs the right to get leases (coordination.k8s.io) in the namespace ${agent.namespace}`,
      }),
    });
  const [trouble] = notes.filter(({ reason }) => reason !== 'ClockSkew');
  return {
    leader: 'lease' in lease ? leaderOf(lease.lease) : {},
    ...(trouble && { trouble: `${agent.name} is ${trouble.message}` }),
  };
}

function isUnreadable(lease: LeaseSight): lease is Extract<LeaseSight, { failure: unknown }> {
  return 'failure' in lease && lease.failure.status !== 404;
}

/** A Pod as far as it may be looked at. */
export interface PodSight {
  /** Of the agent; undefined where the Pod has only one, or can't be read. */
  container?: string;
  node?: string;
  isGone: boolean;
}

const CONTAINER = 'agent';
const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** Without the right to read Pods their log may still be read: the API server knows the only container. */
export async function lookAtPod(cluster: Pick<Cluster, 'get'>, pod: PodName): Promise<PodSight> {
  const answer = await cluster.get({ resource: PODS, ...pod });
  if (!answer.ok) return { isGone: answer.failure.status === 404 };
  const node = dig(answer.value, 'spec', 'nodeName');
  const container = containerOf(answer.value);
  return {
    isGone: false,
    ...(container !== undefined && { container }),
    ...(typeof node === 'string' && node !== '' && { node }),
  };
}

function containerOf(pod: KubeObject): string | undefined {
  const containers = dig(pod, 'spec', 'containers') as Json | undefined;
  const names = (Array.isArray(containers) ? containers : [])
    .filter(isObject)
    .map(({ name }) => String(name));
  const marked = dig(pod, 'metadata', 'annotations', DEFAULT_CONTAINER);
  return [CONTAINER, marked, names[0]].find((name) => typeof name === 'string' && names.includes(name)) as
    | string
    | undefined;
}
