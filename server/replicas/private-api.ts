import type { Log } from '../../core/daemon/log.ts';
import type { Visit } from '../kubernetes-api/access-port.ts';
import type { Traffic } from '../kubernetes-api/carry.ts';
import { isUnexpected, Refusal, refusalOf } from '../kubernetes-api/refusal.ts';
import { readTarget } from '../kubernetes-api/request-head.ts';
import type { Routes } from '../kubernetes-api/routes.ts';
import { endsOf, fail } from '../kubernetes-api/visit.ts';
import { NotBegunError } from '../tunnels/tunnel.ts';
import { NO_TUNNEL, readHop, UsedTokens } from './hop.ts';

export interface PrivateApiOptions {
  /** To the agents that are connected to this replica. */
  routes: Routes;
  /** Where others reach this replica. */
  ownUrl: string;
  /** The secret of all replicas. */
  key: () => Promise<Uint8Array>;
  log: Log;
  now: () => number;
}

/** How long another replica waits for a tunnel of this one, in ms, before it asks elsewhere. */
const TUNNEL_TIMEOUT = 2_000;

/** Carries requests that another replica has let in to the agents that are connected here. */
export class PrivateApi {
  readonly #options: PrivateApiOptions;
  readonly #used = new UsedTokens();

  constructor(options: PrivateApiOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async handle(visit: Visit): Promise<void> {
    const { log } = this.#options;
    const traffic: Traffic = { status: 0, received: 0, sent: 0 };
    try {
      await this.#carry(visit, traffic);
    } catch (error) {
      const refusal = refusalOf(error);
      fail(visit, traffic, refusal, error instanceof NotBegunError ? { [NO_TUNNEL]: 'true' } : {});
      if (isUnexpected(error))
        log.error('Unexpected', { error: error instanceof Error ? error.stack : String(error) });
      else log.debug('Request of another replica failed', { code: refusal.status, error: refusal.message });
    }
  }

  async #carry({ request, to, left }: Visit, traffic: Traffic): Promise<void> {
    const { routes, ownUrl: replica, key, now, log } = this.#options;
    const { method = '', url = '', headers } = request;
    const hop = readHop(headers, {
      ...{ replica, method, url, key: await key(), now: now() },
      used: this.#used,
    });
    if (!hop) {
      log.warn('Somebody who is no replica has asked', { address: request.socket.remoteAddress });
      throw new Refusal(401, 'Unauthorized');
    }
    const { agentId, impersonation } = hop;
    const head = readTarget(request, '/', 'socket' in to);
    const route = await routes.find(agentId, TUNNEL_TIMEOUT, left);
    if (!route) throw new NotBegunError();
    await route({
      head,
      ...(impersonation && { impersonation }),
      ...endsOf(request, to, head),
      traffic,
      signal: left,
    });
  }
}
