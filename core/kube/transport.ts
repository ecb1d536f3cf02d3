import type { ClientRequest } from 'node:http';
import type { ApiFailure } from '../model/cluster.ts';
import { ApiAccess } from './api-access.ts';
import { type ApiRequest, judge, type Opened, type Sent } from './api-request.ts';
import { type Clock, sleep } from './clock.ts';
import type { Connection } from './connection.ts';
import { connectionFailure } from './connection-failure.ts';
import type { Credential } from './credentials.ts';
import { failureOf, noAnswer } from './failure.ts';
import { impersonationHeaders } from './impersonation.ts';
import { Limiter, type Slot } from './limiter.ts';
import { bareHost, isLoopback } from './proxy-choice.ts';
import { type Log, logExchange } from './request-log.ts';
import { parseRetryAfter, RetryBudget, retryDelay } from './retry.ts';
import { warningTexts } from './warnings.ts';
import { exchange, type WireReply, type WireRequest } from './wire.ts';

export interface TransportOptions {
  userAgent: string;
  signal: AbortSignal;
  clock: Clock;
  /** In [0, 1), for the jitter of retries. */
  random: () => number;
  log?: Log;
  /** Milliseconds that one command may spend on retries. */
  retryWindow?: number;
  maxConcurrency?: number;
  /** Called with every warning that the server sends, as often as it does. */
  onWarning?: (text: string) => void;
  /** Called with the method of each request and the status of its answer; 0 where there was none. */
  onAnswer?: (method: string, status: number) => void;
}

interface Attempted {
  sent: Sent;
  /** In ms, where the server said it. */
  retryAfter?: number;
  /** The credential was refused, and there is another now. */
  renewal?: boolean;
}

const DEFAULT_TIMEOUT = 30_000;
const MAX_BODY = 256 * 2 ** 20;
const DEFAULT_CONCURRENCY = 64;
/** In ms, where a 429 does not say how long to wait. */
const THROTTLE_PAUSE = 1000;

/**
 * Sends requests to one API server for one command: credentials, concurrency, timeouts, retries, logs. Failures
 * are values; what rejects is an abort of the signal (with its reason) and credentials that can't be had
 * (ProblemError).
 */
export class Transport {
  readonly #connection: Connection;
  readonly #options: TransportOptions;
  readonly #limiter: Limiter;
  readonly #budget: RetryBudget;
  readonly #headers: Readonly<Record<string, string | readonly string[]>>;
  readonly #maxSockets: number;
  readonly #underWay = new Set<ClientRequest>();
  readonly #closing = new AbortController();
  readonly #ended: AbortSignal;
  readonly #access: ApiAccess;
  #serverKnown = false;

  constructor(connection: Connection, options: TransportOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#ended = AbortSignal.any([options.signal, this.#closing.signal]);
    this.#budget = new RetryBudget(options.clock, options.retryWindow);
    this.#maxSockets = options.maxConcurrency ?? DEFAULT_CONCURRENCY;
    this.#access = new ApiAccess(connection, {
      clock: options.clock,
      signal: this.#ended,
      maxIdle: this.#maxSockets,
    });
    this.#limiter = new Limiter({ clock: options.clock, signal: this.#ended, max: this.#maxSockets });
    // On this machine compressing costs more than sending.
    const compress = connection.compression && !isLoopback(bareHost(new URL(connection.server).hostname));
    this.#headers = {
      accept: 'application/json',
      'user-agent': options.userAgent,
      'accept-encoding': compress ? 'gzip' : 'identity',
      ...impersonationHeaders(connection.impersonate),
    };
    this.#ended.addEventListener('abort', () => this.#drop(), { once: true });
    if (this.#ended.aborted) this.#drop();
  }

  async send(request: ApiRequest): Promise<Sent> {
    const { clock, random } = this.#options;
    const startedAt = clock.now();
    const wire = this.#wireRequest(request);
    let leaveBudget: (() => void) | undefined;
    let renewed = false;
    try {
      for (let number = 1; ; number += 1) {
        this.#ended.throwIfAborted();
        if (this.#budget.serverLost) return { ok: false, failure: lost(this.#connection.server) };
        const { sent, retryAfter, renewal } = await this.#attempt(request, wire, !renewed);
        if (sent.ok) return sent;
        if (renewal) {
          renewed = true;
          continue;
        }
        const { failure } = sent;
        const elapsed = clock.now() - startedAt;
        const { repeatable, mayCollide } = request;
        const serverKnown = this.#serverKnown;
        const attempt = { failure, number, elapsed, repeatable, mayCollide, serverKnown, retryAfter };
        const delay = retryDelay(attempt, random);
        if (delay === undefined || this.#budget.exhausted) return sent;
        leaveBudget ??= this.#budget.enter();
        await sleep(delay, clock, this.#ended);
      }
    } finally {
      leaveBudget?.();
    }
  }

  /**
   * Sends a request whose answer goes on for long. It has no timeout once the answer has begun (none at all where it is
   * patient), holds nobody's turn, and is not tried again, but for a credential that was renewed. `signal` cuts it off.
   */
  async open(request: ApiRequest, signal: AbortSignal): Promise<Opened> {
    const wire = this.#wireRequest(request);
    const ended = AbortSignal.any([this.#ended, signal]);
    const timeout = request.patient ? 0 : (this.#connection.requestTimeout ?? DEFAULT_TIMEOUT);
    for (let mayRenew = true; ; mayRenew = false) {
      ended.throwIfAborted();
      const slot = await this.#limiter.acquire();
      try {
        const source = await this.#access.source();
        const credential = await source.current();
        const opened = await this.#openOnce(wire, credential, { slot, timeout, ended });
        if (opened.ok || !mayRenew || opened.failure.status !== 401) return opened;
        if (!(await source.renew(credential))) return opened;
      } finally {
        slot.release();
      }
    }
  }

  /** Aborted when nothing is to be asked any more. */
  get ended(): AbortSignal {
    return this.#ended;
  }

  /** The origin, as failures name it. */
  get server(): string {
    return this.#connection.server;
  }

  /** Drops every connection; whatever is under way, or comes later, rejects. */
  close(): void {
    this.#closing.abort(new Error('the connection to the cluster was closed'));
  }

  /** One try: waits for its turn, takes the credential of that moment, and tells the limiter how it went. */
  async #attempt(request: ApiRequest, wire: WireRequest, mayRenew: boolean): Promise<Attempted> {
    const slot = await this.#limiter.acquire();
    try {
      const source = await this.#access.source();
      const credential = await source.current();
      const attempted = await this.#exchange(request, wire, credential, slot);
      const { sent } = attempted;
      // The slot is held meanwhile, so that nobody else is sent off with what was refused.
      if (mayRenew && !sent.ok && sent.failure.status === 401) {
        return { ...attempted, renewal: await source.renew(credential) };
      }
      return attempted;
    } finally {
      slot.release();
    }
  }

  async #exchange(
    request: ApiRequest,
    wire: WireRequest,
    credential: Credential,
    slot: Slot,
  ): Promise<Attempted> {
    const { requestTimeout = DEFAULT_TIMEOUT } = this.#connection;
    const sending = { ...wire, headers: { ...wire.headers, ...credential.headers } };
    const limits = { timeout: requestTimeout, maxBytes: MAX_BODY };
    const answered = await this.#answered(sending, slot, this.#ended, async () => ({
      reply: await exchange(this.#access.endpointFor(credential), sending, limits, this.#underWay),
    }));
    if (!answered.ok) return { sent: { ok: false, failure: answered.failure } };
    const { reply, latency, retryAfter } = answered;
    const sent = judge(reply, request);
    if (sent.ok && !request.heavy) slot.release({ latency });
    return { sent, ...(retryAfter === undefined ? {} : { retryAfter }) };
  }

  async #openOnce(
    wire: WireRequest,
    credential: Credential,
    { slot, timeout, ended }: { slot: Slot; timeout: number; ended: AbortSignal },
  ): Promise<Opened> {
    // Compressed, an answer comes in blocks and not in lines.
    const headers = { ...wire.headers, ...credential.headers, 'accept-encoding': 'identity' };
    const sending = { ...wire, headers };
    const limits = { timeout, maxBytes: MAX_BODY };
    const { openStream } = await import('./stream.ts');
    const answered = await this.#answered(sending, slot, ended, () =>
      openStream(this.#access.endpointFor(credential), sending, limits, this.#underWay, ended),
    );
    if (!answered.ok) return answered;
    const { reply, chunks, end } = answered;
    return chunks ? { ok: true, chunks, end } : { ok: false, failure: failureOf(reply) };
  }

  /** Sends, and tells everybody who keeps count how that went: the log, the budget of retries, the limiter. */
  async #answered<T extends { reply: WireReply }>(
    wire: WireRequest,
    slot: Slot,
    ended: AbortSignal,
    send: () => Promise<T>,
  ): Promise<({ ok: true; latency: number; retryAfter?: number } & T) | { ok: false; failure: ApiFailure }> {
    const { clock, log, onWarning, onAnswer } = this.#options;
    const { server } = this.#connection;
    const startedAt = clock.now();
    let answer: T;
    try {
      answer = await send();
    } catch (error) {
      ended.throwIfAborted();
      const failure = connectionFailure(error, server);
      if (log) logExchange(log, server, wire, failure.message, clock.now() - startedAt);
      this.#budget.note(false, startedAt);
      onAnswer?.(wire.method, 0);
      return { ok: false, failure };
    }
    const latency = clock.now() - startedAt;
    const { status, headers } = answer.reply;
    if (log) logExchange(log, server, wire, answer.reply, latency);
    this.#budget.note(true, startedAt);
    onAnswer?.(wire.method, status);
    this.#serverKnown = true;
    for (const text of warningTexts(headers.warning)) onWarning?.(text);
    const retryAfter = parseRetryAfter(headers['retry-after'], Date.now());
    if (status === 429) slot.release({ throttled: { retryAfter: retryAfter ?? THROTTLE_PAUSE } });
    return { ok: true, latency, ...answer, ...(retryAfter === undefined ? {} : { retryAfter }) };
  }

  #wireRequest({ method, path, headers, body, contentType, text = false }: ApiRequest): WireRequest {
    return {
      method,
      path,
      text,
      headers: { ...this.#headers, ...(contentType ? { 'content-type': contentType } : {}), ...headers },
      // Made once, however often it is sent.
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    };
  }

  #drop(): void {
    for (const request of this.#underWay) request.destroy();
    this.#access.close();
  }
}

function lost(server: string): ApiFailure {
  return noAnswer('ServerLost', `${server} has not answered anything for a minute and is given up`);
}
