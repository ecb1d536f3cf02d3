import { AGENT_LABEL, agentRecordName } from '../../core/apply/agent-parent.ts';
import { LEASE_LASTS, leadershipOf } from '../../core/apply/agent-status.ts';
import { Follower, type Place } from '../../core/health/follower.ts';
import type { AgentNote, AgentStatus } from '../../core/model/agent-status.ts';
import type { KubeObject } from '../../core/model/object.ts';
import { type AgentObjects, agentStatus, CONFIG_MAPS, groupAgents } from '../agents/find-agents.ts';
import { LEASES, type LeaseSight, leaseNotes } from '../agents/lease-sight.ts';
import type { AgentsInSight } from '../agents/with-agents.ts';

/** A Lease that looks old is given as long to be renewed before it counts as not held, in ms: clocks differ. */
const RENEWAL = 4_000;

/** What was last seen of a Lease, by our own clock. */
interface SeenLease {
  sight: LeaseSight;
  /** When it was seen first, and when it was last seen to be renewed. */
  firstAt: number;
  renewedAt: number;
  isRenewed: boolean;
}

/** Follows agents by watches: the ConfigMaps with their label, and their Leases. */
export class AgentFollower implements AsyncDisposable {
  readonly #sight: AgentsInSight;
  readonly #follower: Follower;
  readonly #objects = new Map<string, KubeObject>();
  readonly #leases = new Map<string, SeenLease>();
  readonly #places = new Set<string>();
  #troubles = new Map<string, string>();
  #agents: AgentObjects[] | undefined;

  /** `onChange` is called after anything has changed; `onError` once, when following has ended by itself. */
  constructor(
    sight: AgentsInSight,
    { signal, random }: { signal: AbortSignal; random: () => number },
    { onChange, onError }: { onChange: () => void; onError: (error: unknown) => void },
  ) {
    this.#sight = sight;
    for (const object of sight.found.objects) this.#objects.set(keyOf(object.metadata), object);
    this.#follower = new Follower(
      sight.cluster,
      {
        onObject: (object, place) => {
          this.#take(object, place);
          onChange();
        },
        onGone: (name, place) => {
          if (place.resource === LEASES) this.#leases.set(keyOf(name), unseenLease(sight.clock.now()));
          else this.#objects.delete(keyOf(name));
          this.#agents = undefined;
          onChange();
        },
        onState: (state, place) => {
          const key = `${place.resource.plural} ${place.namespace ?? ''}`;
          if (state.status === 'listed') this.#troubles.delete(key);
          else if (place.resource === LEASES)
            this.#leases.set(leaseKey(place), {
              ...unseenLease(sight.clock.now()),
              sight: { failure: state.failure },
            });
          else this.#troubles.set(key, `agents can't be watched: ${state.failure.message}`);
          onChange();
        },
        onError,
      },
      { clock: sight.clock, random, signal },
    );
    const { namespaces = [undefined] } = sight.found;
    this.#follower.add(
      namespaces.map((namespace) => ({
        resource: CONFIG_MAPS,
        ...(namespace !== undefined && { namespace }),
        labelSelector: AGENT_LABEL,
      })),
    );
    this.#followLeases();
  }

  /** Why what is shown may be old, in sentences. */
  get troubles(): string[] {
    return [...this.#troubles.values()];
  }

  /** Whether it is known of each agent by now whether it runs, or why that can't be known. */
  get isComplete(): boolean {
    return this.agents.every(({ namespace, name }) =>
      this.#leases.has(`${namespace}/${agentRecordName(name)}`),
    );
  }

  /** The parent of a set, as it was seen last. */
  parentOf({ namespace, name }: { namespace: string; name: string }): KubeObject | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  get agents(): AgentObjects[] {
    this.#agents ??= groupAgents([...this.#objects.values()]);
    return this.#agents;
  }

  /** How an agent is by all that was seen so far. */
  statusOf(agent: AgentObjects, version: string): AgentStatus {
    const now = this.#sight.clock.now();
    const seen = this.#leases.get(`${agent.namespace}/${agentRecordName(agent.name)}`);
    if (!seen) return agentStatus(agent, { failure: NOT_YET }, [], version);
    return agentStatus(agent, seen.sight, notesOf(seen, now), version);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#follower.close();
  }

  #take(object: KubeObject, place: Place): void {
    const now = this.#sight.clock.now();
    const key = keyOf(object.metadata);
    if (place.resource === LEASES) {
      const before = this.#leases.get(key);
      const isRenewed = before !== undefined && 'lease' in before.sight;
      this.#leases.set(key, {
        sight: { lease: object },
        firstAt: before?.firstAt ?? now,
        renewedAt: now,
        isRenewed,
      });
      return;
    }
    this.#objects.set(key, object);
    this.#agents = undefined;
    this.#followLeases();
  }

  #followLeases(): void {
    for (const { name, namespace } of this.agents) {
      const key = `${namespace}/${agentRecordName(name)}`;
      if (this.#places.has(key)) continue;
      this.#places.add(key);
      const fieldSelector = `metadata.name=${agentRecordName(name)}`;
      this.#follower.add([{ resource: LEASES, namespace, fieldSelector }]);
    }
  }
}

const NOT_YET = { status: 404, reason: 'NotFound', message: 'it has not been looked at yet', causes: [] };

function unseenLease(now: number): SeenLease {
  return { sight: { failure: NOT_YET }, firstAt: now, renewedAt: now, isRenewed: false };
}

/** What a Lease that is watched says of whether the agent runs. */
function notesOf({ sight, firstAt, renewedAt, isRenewed }: SeenLease, now: number): AgentNote[] {
  if ('failure' in sight || leadershipOf(sight.lease).holder === undefined) return leaseNotes(sight, now);
  if (isRenewed) return now - renewedAt < LEASE_LASTS ? [] : leaseNotes(sight, now);
  const said = now - Date.parse(leadershipOf(sight.lease).renewedAt ?? '');
  const looksOld = !(Math.abs(said) < LEASE_LASTS);
  return now - firstAt < (looksOld ? RENEWAL : LEASE_LASTS) ? [] : leaseNotes(sight, now);
}

function keyOf({ namespace, name }: { namespace?: unknown; name: string }): string {
  return `${String(namespace ?? '')}/${name}`;
}

function leaseKey({ namespace = '', fieldSelector = '' }: Place): string {
  return `${namespace}/${fieldSelector.replace('metadata.name=', '')}`;
}
