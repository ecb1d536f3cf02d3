import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Route, Routes } from '../kubernetes-api/routes.ts';
import { NotBegunError } from '../tunnels/tunnel.ts';
import type { Announcements } from './announcements.ts';
import { forwardRoute } from './forward.ts';

export interface ReplicaRoutesOptions {
  own: Routes;
  announcements: Announcements;
  /** Where other replicas reach this one. */
  ownUrl: string;
  key: () => Promise<Uint8Array>;
  /** PEM of the authorities of other replicas' certificates, and the name in them. */
  ca?: string;
  serverName?: string;
  random: () => number;
  now: () => number;
}

/** Between two questions which replicas there are, in ms. */
const ASK_EVERY = 250;
/** How long a replica is left alone that could not take a request, in ms. */
const AVOIDED = 1_000;

/** What replicas announce of the agents that have tunnels to them. */
export function tunnelsKey(agentId: bigint): string {
  return `tunnels:${agentId}`;
}

/** By tunnels of this replica, or of another one. */
export class ReplicaRoutes implements Routes, Disposable {
  readonly #options: ReplicaRoutesOptions;
  readonly #agents: { http: HttpAgent; https: HttpsAgent };
  readonly #avoided = new Map<string, number>();

  constructor(options: ReplicaRoutesOptions) {
    this.#options = options;
    const { ca, serverName } = options;
    this.#agents = {
      http: new HttpAgent({ keepAlive: true }),
      https: new HttpsAgent({
        keepAlive: true,
        ...(ca !== undefined && { ca }),
        ...(serverName !== undefined && { servername: serverName }),
      }),
    };
  }

  async find(agentId: bigint, ms: number, signal: AbortSignal): Promise<Route | undefined> {
    const { own } = this.#options;
    const end = performance.now() + ms;
    let route = await own.find(agentId, 0, signal);
    while (!route && !signal.aborted) {
      route = await this.#other(agentId);
      const left = end - performance.now();
      if (route || left <= 0) return route;
      route = await own.find(agentId, Math.min(ASK_EVERY, left), signal);
    }
    return route;
  }

  [Symbol.dispose](): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  async #other(agentId: bigint): Promise<Route | undefined> {
    const { announcements, ownUrl, key, random, now } = this.#options;
    // Without Redis, this replica has only its own.
    const all = await announcements.read(tunnelsKey(agentId)).catch(() => new Map<string, string>());
    const urls = [...all.keys()].filter((url) => url !== ownUrl && (this.#avoided.get(url) ?? 0) <= now());
    const chosen = urls[Math.floor(random() * urls.length)];
    const url = chosen === undefined ? null : URL.parse(chosen);
    if (!url) return undefined;
    const agent = url.protocol === 'https:' ? this.#agents.https : this.#agents.http;
    const route = forwardRoute({ url, agent, agentId, key, random, now });
    return async (carried) => {
      try {
        await route(carried);
        this.#avoided.delete(chosen!);
      } catch (error) {
        if (error instanceof NotBegunError) this.#avoided.set(chosen!, now() + AVOIDED);
        throw error;
      }
    };
  }
}
