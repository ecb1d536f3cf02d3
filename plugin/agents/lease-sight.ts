import { agentRecordName } from '../../core/apply/agent-parent.ts';
import { LEASE_LASTS, leadershipOf } from '../../core/apply/agent-status.ts';
import type { AgentNote } from '../../core/model/agent-status.ts';
import type { Clock } from '../../core/model/clock.ts';
import type { ApiFailure, Cluster, Resource } from '../../core/model/cluster.ts';
import type { KubeObject } from '../../core/model/object.ts';
import { ageText } from '../../core/report/age.ts';
import { type AgentObjects, CONFIG_MAPS } from './find-agents.ts';

export const LEASES: Resource = {
  ...CONFIG_MAPS,
  group: 'coordination.k8s.io',
  kind: 'Lease',
  plural: 'leases',
};
export const PODS: Resource = { ...CONFIG_MAPS, kind: 'Pod', plural: 'pods' };

/** A Lease is renewed every 3 s. */
const RENEWAL = 4_000;

/** What the Lease of an agent says, or why it can't be read. */
export type LeaseSight = { lease: KubeObject } | { failure: ApiFailure };

export async function readLease(cluster: Cluster, name: string, namespace: string): Promise<LeaseSight> {
  const answer = await cluster.get({ resource: LEASES, namespace, name: agentRecordName(name) });
  return answer.ok ? { lease: answer.value } : { failure: answer.failure };
}

/**
 * Whether an agent runs, by its Lease. One that looks old is read again a moment later: clocks of machines differ, and
 * a Lease that is renewed is alive whatever its time says.
 */
export async function judgeLease(
  cluster: Cluster,
  { name, namespace }: Pick<AgentObjects, 'name' | 'namespace'>,
  clock: Clock,
): Promise<{ lease: LeaseSight; notes: AgentNote[] }> {
  const first = await readLease(cluster, name, namespace);
  if ('failure' in first || leadershipOf(first.lease).holder === undefined)
    return { lease: first, notes: leaseNotes(first, clock.now()) };
  const skew = clock.now() - renewal(first.lease);
  if (skew >= -LEASE_LASTS && skew <= LEASE_LASTS) return { lease: first, notes: [] };
  await clock.sleep(RENEWAL);
  const second = await readLease(cluster, name, namespace);
  const isAlive =
    'lease' in second && second.lease.metadata.resourceVersion !== first.lease.metadata.resourceVersion;
  if (isAlive) return { lease: second, notes: [clockSkew(clock.now() - renewal(second.lease))] };
  const notes = leaseNotes(second, clock.now());
  return { lease: second, notes: await withPod(cluster, namespace, second, notes) };
}

/** The Pod that led last says why it does no more, where it is still there. */
async function withPod(
  cluster: Cluster,
  namespace: string,
  lease: LeaseSight,
  notes: AgentNote[],
): Promise<AgentNote[]> {
  const holder = 'lease' in lease ? leadershipOf(lease.lease).holder : undefined;
  if (holder === undefined) return notes;
  const pod = await cluster.get({ resource: PODS, namespace, name: holder });
  if (!pod.ok) return pod.failure.status === 404 ? notes.map((note) => also(note, 'which is gone')) : notes;
  const { judgeHealth } = await import('../../core/health/judge.ts');
  const { reason, message } = judgeHealth(pod.value, { now: new Date() });
  return notes.map((note) => also(note, `which is ${reason}${message ? `: ${message}` : ''}`));
}

function also(note: AgentNote, words: string): AgentNote {
  return { ...note, message: `${note.message}, ${words}` };
}

function renewal(lease: KubeObject): number {
  const at = Date.parse(leadershipOf(lease).renewedAt ?? '');
  return Number.isNaN(at) ? 0 : at;
}

/** What a Lease says of whether the agent runs, where it can't be looked at again. */
export function leaseNotes(sight: LeaseSight, now: number): AgentNote[] {
  if ('failure' in sight) {
    const { status, message } = sight.failure;
    if (status === 404)
      return [{ reason: 'NotRunning', message: 'not running: it has never had a leader here (no Lease)' }];
    return [{ reason: 'Unknown', message: `whether it runs can't be told: ${message}` }];
  }
  const { holder, renewedAt = '' } = leadershipOf(sight.lease);
  const since = renewedAt === '' ? '' : ` since ${ageText(renewedAt, new Date(now))}`;
  if (holder === undefined)
    return [
      { reason: 'NoLeader', message: `not running: nobody has led it${since}, all replicas have ended` },
    ];
  return [
    {
      reason: 'NotRunning',
      message: `not running: nothing was heard of it${since}; its last leader was the Pod ${holder}`,
    },
  ];
}

function clockSkew(ms: number): AgentNote {
  const seconds = Math.round(Math.abs(ms) / 1000);
  const way = ms < 0 ? 'behind' : 'ahead of';
  return {
    reason: 'ClockSkew',
    message: `the clock of this machine is about ${seconds} s ${way} the agent's: ages are off by that`,
  };
}
