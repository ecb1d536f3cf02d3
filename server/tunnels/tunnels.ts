import { pause } from '../../core/daemon/time.ts';
import type { Tunnel } from './tunnel.ts';

interface Wanted {
  method: string;
  take: (tunnel: Tunnel) => void;
}

/** Of one agent, with all its Pods: tunnels that wait for a call, calls that wait for a tunnel, and how many tunnels there are. */
interface Waiting {
  tunnels: Set<Tunnel>;
  wanted: Set<Wanted>;
  open: number;
}

/** More wait for no call: an agent has no business with more, and each costs memory. */
const MOST_IDLE = 1_000;

/** Tunnels that wait for a call, by agent. */
export class Tunnels {
  readonly #agents = new Map<bigint, Waiting>();
  readonly #onChange: (agentId: bigint, has: boolean) => void;

  /** `onChange`: an agent has its first tunnel here, or lost its last. */
  constructor(onChange: (agentId: bigint, has: boolean) => void = () => {}) {
    this.#onChange = onChange;
  }

  get idle(): number {
    return [...this.#agents.values()].reduce((sum, { tunnels }) => sum + tunnels.size, 0);
  }

  /** An agent has opened one; until what is returned is called. */
  open(agentId: bigint): () => void {
    const agent = this.#of(agentId);
    agent.open += 1;
    if (agent.open === 1) this.#onChange(agentId, true);
    return () => {
      agent.open -= 1;
      if (agent.open === 0) this.#onChange(agentId, false);
      this.#forget(agentId, agent);
    };
  }

  /** It waits from now on. False where there are too many. */
  offer(agentId: bigint, tunnel: Tunnel): boolean {
    const agent = this.#of(agentId);
    for (const wanted of agent.wanted)
      if (tunnel.serves(wanted.method)) {
        wanted.take(tunnel);
        return true;
      }
    if (agent.tunnels.size >= MOST_IDLE) return false;
    agent.tunnels.add(tunnel);
    return true;
  }

  /** It does not wait any more. */
  withdraw(agentId: bigint, tunnel: Tunnel): void {
    const agent = this.#agents.get(agentId);
    if (!agent?.tunnels.delete(tunnel)) return;
    this.#forget(agentId, agent);
  }

  /** One that serves the method, and that nobody else gets; undefined where there is none now. */
  take(agentId: bigint, method: string): Tunnel | undefined {
    // The newest: older ones come to their end in peace.
    const found = [...(this.#agents.get(agentId)?.tunnels ?? [])]
      .reverse()
      .find((tunnel) => tunnel.serves(method));
    if (found) this.withdraw(agentId, found);
    return found;
  }

  /** As `take`; waits for one, `ms` at most, or until the signal ends. */
  async wait(agentId: bigint, method: string, ms: number, signal: AbortSignal): Promise<Tunnel | undefined> {
    const found = this.take(agentId, method);
    if (found || signal.aborted) return found;
    const agent = this.#of(agentId);
    const ended = new AbortController();
    let taken: Tunnel | undefined;
    const wanted: Wanted = {
      method,
      take: (tunnel) => {
        taken = tunnel;
        agent.wanted.delete(wanted);
        ended.abort();
      },
    };
    agent.wanted.add(wanted);
    await pause(ms, AbortSignal.any([signal, ended.signal]));
    agent.wanted.delete(wanted);
    this.#forget(agentId, agent);
    return taken;
  }

  #of(agentId: bigint): Waiting {
    const found = this.#agents.get(agentId) ?? { tunnels: new Set(), wanted: new Set(), open: 0 };
    this.#agents.set(agentId, found);
    return found;
  }

  #forget(agentId: bigint, { tunnels, wanted, open }: Waiting): void {
    if (tunnels.size === 0 && wanted.size === 0 && open === 0) this.#agents.delete(agentId);
  }
}
