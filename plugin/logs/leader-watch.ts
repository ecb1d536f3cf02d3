import { agentRecordName } from '../../core/apply/agent-parent.ts';
import { Follower } from '../../core/health/follower.ts';
import type { AgentObjects } from '../agents/find-agents.ts';
import { LEASES, readLease } from '../agents/lease-sight.ts';
import type { AgentsInSight } from '../agents/with-agents.ts';
import { pause } from '../pause.ts';
import { type Leader, leaderOf } from './leader-pod.ts';

export interface LeaderWatchOptions {
  /** Who leads as far as it is known already. */
  first: Leader;
  signal: AbortSignal;
  /** Called where the Lease can't be watched. */
  onTrouble: (message: string) => void;
}

/** Who leads an agent, by a watch of its Lease; asked by itself where it can't be watched. */
export class LeaderWatch implements AsyncDisposable {
  readonly #sight: AgentsInSight;
  readonly #agent: AgentObjects;
  readonly #follower: Follower;
  #leader: Leader;
  #failure: { error: unknown } | undefined;
  #changed: () => void = () => undefined;

  constructor(sight: AgentsInSight, agent: AgentObjects, { first, signal, onTrouble }: LeaderWatchOptions) {
    this.#sight = sight;
    this.#agent = agent;
    this.#leader = first;
    this.#follower = new Follower(
      sight.cluster,
      {
        onObject: (lease) => this.#see(leaderOf(lease)),
        onGone: () => this.#see({}),
        onState: (state) => {
          if (state.status === 'refused') onTrouble(state.failure.message);
        },
        onError: (error) => {
          this.#failure = { error };
          this.#changed();
        },
      },
      { clock: sight.clock, random: Math.random, signal },
    );
    const { namespace, name } = agent;
    this.#follower.add([
      { resource: LEASES, namespace, fieldSelector: `metadata.name=${agentRecordName(name)}` },
    ]);
  }

  get leader(): Leader {
    return this.#leader;
  }

  /** Aborts `cut` once another Pod leads; what it returns calls that off. Nobody in between is no other. */
  cutWhenReplaced(pod: string, cut: AbortController): () => void {
    const look = (): void => {
      if (this.#failure || (this.#leader.pod !== undefined && this.#leader.pod !== pod)) cut.abort();
    };
    this.#changed = look;
    look();
    return () => {
      this.#changed = () => undefined;
    };
  }

  /** Waits until somebody else leads than before, at most so long (in ms), and looks at the Lease then. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    await pause(ms, signal, (wake) => {
      this.#changed = wake;
    });
    this.#changed = () => undefined;
    signal.throwIfAborted();
    if (this.#failure) throw this.#failure.error;
    const { cluster } = this.#sight;
    const seen = await readLease(cluster, this.#agent.name, this.#agent.namespace);
    if ('lease' in seen) this.#see(leaderOf(seen.lease));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#follower.close();
  }

  /** A Lease is renewed every few seconds: that is no news. */
  #see(leader: Leader): void {
    const { pod, since } = this.#leader;
    this.#leader = leader;
    if (leader.pod !== pod || leader.since !== since) this.#changed();
  }
}
