import type { IncomingMessage } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import { tokenKey } from '../access/digest.ts';
import type { FailedAttempts } from '../access/failed-attempts.ts';
import { recheck } from '../access/recheck.ts';
import type { Visitor, Visitors } from '../access/visitors.ts';
import type { Metrics } from '../metrics.ts';
import { clientAddress } from '../transport/client-address.ts';
import { NotBegunError } from '../tunnels/tunnel.ts';
import type { Tunnels } from '../tunnels/tunnels.ts';
import { refuse, type Visit } from './access-port.ts';
import { type Answering, answerTo, answerToUpgrade, carry, type Traffic } from './carry.ts';
import { MAKE_REQUEST } from './http-messages.ts';
import { Refusal, refusalOf, statusAnswer } from './refusal.ts';
import { type RequestHead, readHead } from './request-head.ts';

export interface KubernetesApiOptions {
  tunnels: Tunnels;
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

/** How long a request waits for an agent that is about to come back, in ms. */
const TUNNEL_TIMEOUT = 10_000;
/** How often a request is sent that no agent has begun with. */
const ATTEMPTS = 3;

/** Carries requests of people and pipelines to the API of the clusters where agents are. */
export class KubernetesApi {
  readonly #options: KubernetesApiOptions;

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
      failure = error;
      fail(visit, traffic, refusalOf(error));
    }
    const code = String(traffic.status);
    metrics.requests.inc({ code });
    const isOurs =
      failure !== undefined && !(failure instanceof Refusal) && !(failure instanceof ConnectError);
    if (isOurs)
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
    const isKnown = visitors.isKnown(credential, agentId);
    return failures.guard(address, tokenKey(credential.token), isKnown, () =>
      visitors.admit(credential, agentId, signal),
    );
  }

  async #carry(head: RequestHead, visitor: Visitor, visit: Visit, traffic: Traffic): Promise<void> {
    const { visitors, checkEvery } = this.#options;
    const { request, to, left } = visit;
    const revoked = new AbortController();
    const signal = AbortSignal.any([left, revoked.signal]);
    using _ = recheck(
      () => visitors.admit(head.credential, head.agentId, signal),
      checkEvery,
      (error) => revoked.abort(error),
    );
    const { answering, body } = endsOf(request, to, head);
    const { impersonation } = visitor;
    for (let attempt = 1; ; attempt += 1) {
      const call = await this.#call(head.agentId, signal);
      try {
        await carry(call, {
          head,
          ...(impersonation && { impersonation }),
          body,
          answering,
          traffic,
          signal,
        });
        return;
      } catch (error) {
        if (revoked.signal.aborted) throw revoked.signal.reason;
        const isAgain =
          traffic.status === 0 && traffic.received === 0 && attempt < ATTEMPTS && !signal.aborted;
        if (!isAgain || !(error instanceof NotBegunError || isLost(error, head))) throw error;
      }
    }
  }

  async #call(agentId: bigint, signal: AbortSignal) {
    const tunnel = await this.#options.tunnels.wait(agentId, MAKE_REQUEST, TUNNEL_TIMEOUT, signal);
    if (tunnel) return tunnel.call(MAKE_REQUEST);
    throw new ConnectError(`agent ${agentId} is not connected`, Code.Unavailable);
  }
}

/** What changes nothing may be asked for again where the connection to the agent was lost. */
function isLost(error: unknown, { method }: RequestHead): boolean {
  return (method === 'GET' || method === 'HEAD') && ConnectError.from(error).code === Code.Unavailable;
}

function endsOf(
  request: IncomingMessage,
  to: Visit['to'],
  head: RequestHead,
): { answering: Answering; body: AsyncIterable<Uint8Array> } {
  if ('response' in to) return { answering: answerTo(request, to.response), body: request };
  const { socket, first } = to;
  if (first.length > 0) socket.unshift(first);
  const [, protocol] = head.headers.find(([name]) => name === 'upgrade')!;
  return { answering: answerToUpgrade(socket, protocol), body: socket };
}

/** Says why, where nothing was said yet; else the connection is cut, so that half an answer does not look like a whole one. */
function fail({ to }: Visit, traffic: Traffic, refusal: Refusal): void {
  const isAnswered = traffic.status !== 0;
  if (!isAnswered) traffic.status = refusal.status;
  if ('socket' in to) {
    if (isAnswered) to.socket.destroy();
    else refuse(to.socket, refusal);
    return;
  }
  const { response } = to;
  if (isAnswered || response.headersSent || response.destroyed) return void response.destroy();
  const { headers, body } = statusAnswer(refusal);
  // What is left of a body that nobody reads must not be taken for the next request.
  response.writeHead(refusal.status, response.req.complete ? headers : { ...headers, connection: 'close' });
  response.end(body);
}
