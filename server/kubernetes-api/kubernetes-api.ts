import type { IncomingMessage } from 'node:http';
import type { Log } from '../../core/daemon/log.ts';
import { tokenKey } from '../access/digest.ts';
import type { FailedAttempts } from '../access/failed-attempts.ts';
import { recheck } from '../access/recheck.ts';
import type { Visitor, Visitors } from '../access/visitors.ts';
import type { Metrics } from '../metrics.ts';
import { clientAddress } from '../transport/client-address.ts';
import type { Visit } from './access-port.ts';
import type { Traffic } from './carry.ts';
import { isUnexpected, Refusal, refusalOf } from './refusal.ts';
import { type RequestHead, readHead } from './request-head.ts';
import { carryBy, type Routes } from './routes.ts';
import { endsOf, fail } from './visit.ts';

export interface KubernetesApiOptions {
  routes: Routes;
  visitors: Visitors;
  failures: FailedAttempts;
  /** Begins and ends with a slash. */
  prefix: string;
  addressHeader?: string;
  /** Between two questions whether what is under way may go on, in ms. */
  checkEvery: number;
  metrics: Metrics;
  log: Log;
}

/** Under way by one credential to one agent: half of what an agent's Pod carries, so that others get through. */
const MOST_AT_ONCE = 250;
/** What proxies log where nobody waited for the answer. */
const CLIENT_LEFT = 499;

/** Carries requests of people and pipelines to the API of the clusters where agents are. */
export class KubernetesApi {
  readonly #options: KubernetesApiOptions;
  readonly #underWay = new Map<string, number>();

  constructor(options: KubernetesApiOptions) {
    this.#options = options;
  }

  /** Answers one request, whatever it is, and logs it once. Never rejects. */
  async handle(visit: Visit): Promise<void> {
    const { request, to } = visit;
    const { prefix, log, metrics } = this.#options;
    const startedAt = performance.now();
    const traffic: Traffic = { status: 0, received: 0, sent: 0 };
    let head: RequestHead | undefined;
    let visitor: Visitor | undefined;
    let failure: unknown;
    try {
      head = readHead(request, prefix, 'socket' in to);
      visitor = await this.#admit(head, request, visit.left);
      await this.#carry(head, visitor, visit, traffic);
    } catch (error) {
      failure = visit.left.aborted ? new Refusal(CLIENT_LEFT, 'the client has left') : error;
      fail(visit, traffic, refusalOf(failure));
    }
    const code = String(traffic.status);
    metrics.requests.inc({ code });
    if (failure !== undefined && isUnexpected(failure))
      log.error('Unexpected', { error: failure instanceof Error ? failure.stack : String(failure) });
    log.info('Kubernetes API request', {
      address: clientAddress(request, this.#options.addressHeader),
      method: request.method,
      // What is asked for, such as the words of a command, is nobody's business.
      path: head?.path ?? 'refused',
      ...(head && { agent_id: String(head.agentId), access: head.credential.kind }),
      ...visitor?.who,
      ...(visitor?.impersonation && { as: visitor.impersonation.username }),
      code: traffic.status,
      received_bytes: traffic.received,
      sent_bytes: traffic.sent,
      duration_ms: Math.round(performance.now() - startedAt),
      ...(failure !== undefined && { error: refusalOf(failure).message }),
    });
  }

  #admit(
    { credential, agentId }: RequestHead,
    request: IncomingMessage,
    signal: AbortSignal,
  ): Promise<Visitor> {
    const { visitors, failures, addressHeader } = this.#options;
    const address = clientAddress(request, addressHeader);
    const isKnown = () => visitors.isKnown(credential, agentId);
    return failures.guard(address, tokenKey(credential.token), isKnown, () =>
      visitors.admit(credential, agentId, signal),
    );
  }

  /** Throws Refusal where there are too many of them; until it is disposed of. */
  #turn({ credential, agentId }: RequestHead): Disposable {
    const key = `${agentId} ${tokenKey(credential.token)}`;
    const count = this.#underWay.get(key) ?? 0;
    if (count >= MOST_AT_ONCE)
      throw new Refusal(429, `there are ${MOST_AT_ONCE} requests with this credential under way`);
    this.#underWay.set(key, count + 1);
    return {
      [Symbol.dispose]: () => {
        const rest = this.#underWay.get(key)! - 1;
        if (rest === 0) this.#underWay.delete(key);
        else this.#underWay.set(key, rest);
      },
    };
  }

  async #carry(head: RequestHead, visitor: Visitor, visit: Visit, traffic: Traffic): Promise<void> {
    const { visitors, checkEvery, routes } = this.#options;
    const { request, to, left } = visit;
    using _turn = this.#turn(head);
    const revoked = new AbortController();
    const signal = AbortSignal.any([left, revoked.signal]);
    using _ = recheck(
      () => visitors.admit(head.credential, head.agentId, signal),
      checkEvery,
      (error) => revoked.abort(error),
    );
    const { impersonation } = visitor;
    try {
      await carryBy(routes, head.agentId, {
        head,
        ...(impersonation && { impersonation }),
        ...endsOf(request, to, head),
        traffic,
        signal,
      });
    } catch (error) {
      throw revoked.signal.aborted ? revoked.signal.reason : error;
    }
  }
}
