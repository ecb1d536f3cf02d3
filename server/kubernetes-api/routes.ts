import { Code, ConnectError } from '@connectrpc/connect';
import { LostError, NotBegunError } from '../tunnels/tunnel.ts';
import type { Tunnels } from '../tunnels/tunnels.ts';
import { type CarryOptions, carry } from './carry.ts';
import { MAKE_REQUEST } from './http-messages.ts';

/**
 * Carries one request to its agent, and the answer back. Rejects with ConnectError where the answer is not complete,
 * LostError where nobody knows whether it is, and NotBegunError where nobody has even begun.
 */
export type Route = (options: CarryOptions) => Promise<void>;

/** Ways to agents. */
export interface Routes {
  /** Waits for one, `ms` at most, or until the signal ends. */
  find(agentId: bigint, ms: number, signal: AbortSignal): Promise<Route | undefined>;
}

/** By the tunnels that are open to this server. */
export function ownRoutes(tunnels: Tunnels): Routes {
  return {
    async find(agentId, ms, signal) {
      const tunnel = await tunnels.wait(agentId, MAKE_REQUEST, ms, signal);
      return tunnel && ((options) => carry(tunnel.call(MAKE_REQUEST), options));
    },
  };
}

/** In ms, for one request with all its attempts. */
const TIMEOUT = 10_000;
/** How often what changes nothing is asked for again after the connection was lost. */
const MOST_LOST = 2;

/** Carries a request by whatever route there is, and by the next one where that is no harm. Rejects as a route does. */
export async function carryBy(routes: Routes, agentId: bigint, options: CarryOptions): Promise<void> {
  const { traffic, body, signal, head } = options;
  const end = performance.now() + TIMEOUT;
  let lost = 0;
  for (;;) {
    const route = await routes.find(agentId, Math.max(0, end - performance.now()), signal);
    if (!route) throw new ConnectError(`agent ${agentId} is not connected`, Code.Unavailable);
    try {
      traffic.received = 0;
      await route(options);
      return;
    } catch (error) {
      if (error instanceof LostError) lost += 1;
      const mayBeAgain =
        error instanceof NotBegunError ||
        (error instanceof LostError && lost <= MOST_LOST && ['GET', 'HEAD'].includes(head.method));
      if (!mayBeAgain || traffic.status !== 0 || !body.canReplay || signal.aborted) throw error;
    }
  }
}
