import type { ClientRequest, IncomingMessage } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import { writeTo } from '../../../core/daemon/write-to.ts';
import type { ApiRelay, Relayed, RelayedAnswer, RelayedRequest } from '../../../core/kube/api-relay.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { ProtocolError } from '../kas-failure.ts';
import { dataMessage, headerMessage, type RequestPart, trailerMessage } from './http-messages.ts';
import type { RequestHead } from './request-head.ts';
import type { TunnelCall } from './tunnel.ts';

/** Of one message, in bytes; what comes in larger pieces becomes several. */
const MOST_BYTES = 256 * 1024;

/** What follows the header of a request. */
type Parts = AsyncGenerator<RequestPart>;

/** One request to the API server and its answer, both as they come: of neither more is held than a piece or two. */
export class Exchange {
  readonly #api: ApiRelay;
  readonly #head: RequestHead;
  readonly #parts: Parts;
  readonly #call: TunnelCall;
  /** What is wrong with the request, where that is why there is no answer. */
  #wrong: unknown;

  constructor(api: ApiRelay, head: RequestHead, parts: Parts, call: TunnelCall) {
    this.#api = api;
    this.#head = head;
    this.#parts = parts;
    this.#call = call;
  }

  /** Resolves when the answer is complete. */
  async run(onStatus: (status: number) => void): Promise<void> {
    const next = await this.#parts.next();
    const body = next.done || next.value.case !== 'data' ? undefined : next.value.value.data;
    if (body === undefined && (this.#head.contentLength ?? 0) > 0)
      throw new ProtocolError('a request has less of a body than it says');
    if (body !== undefined && this.#head.upgrade !== undefined)
      throw new ProtocolError('a request with a body is to be upgraded');
    const { answer, request } = await this.#answer(body);
    const cut = (): void => void request.destroy();
    this.#call.signal.addEventListener('abort', cut, { once: true });
    try {
      this.#call.signal.throwIfAborted();
      const { message, upgraded } = answer;
      onStatus(message.statusCode ?? 0);
      await this.#call.send(headerMessage(message));
      if (upgraded) {
        await this.#call.send(trailerMessage());
        if (upgraded.first.length > 0) upgraded.socket.unshift(upgraded.first);
        await this.#carryUpgraded(upgraded.socket);
      } else {
        await this.#carryBody(message);
        await this.#call.send(trailerMessage());
      }
    } finally {
      this.#call.signal.removeEventListener('abort', cut);
      // What was answered before it was whole is not sent to its end.
      if (!request.writableFinished) request.destroy();
    }
  }

  /** Makes the request, once more where nothing of it can have had an effect. */
  async #answer(body: Uint8Array | undefined): Promise<{ answer: RelayedAnswer; request: ClientRequest }> {
    const { signal } = this.#call;
    const { method } = this.#head;
    for (let mayRepeat = body === undefined; ; mayRepeat = false) {
      signal.throwIfAborted();
      const relayed = await this.#begin(body !== undefined);
      const { request } = relayed;
      const cut = (): void => void request.destroy();
      signal.addEventListener('abort', cut, { once: true });
      try {
        signal.throwIfAborted();
        if (body === undefined) request.end();
        else void this.#sendBody(request, body);
        const answer = await relayed.answer;
        if (!(mayRepeat && answer.message.statusCode === 401 && (await renewed(relayed))))
          return { answer, request };
        answer.message.resume();
      } catch (error) {
        signal.throwIfAborted();
        const isStale = request.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
        if (mayRepeat && isStale && /^(?:get|head)$/i.test(method)) continue;
        throw this.#wrong ?? new ConnectError(this.#api.wordFailure(error), Code.Unavailable);
      } finally {
        signal.removeEventListener('abort', cut);
      }
    }
  }

  async #begin(hasBody: boolean): Promise<Relayed> {
    const { method, target, headers, contentLength, impersonate } = this.#head;
    const length: Record<string, string> = hasBody
      ? contentLength === undefined
        ? { 'transfer-encoding': 'chunked' }
        : { 'content-length': String(contentLength) }
      : {};
    const request: RelayedRequest = { method, path: target, headers: { ...headers, ...length } };
    try {
      return await this.#api.begin({ ...request, ...(impersonate && { impersonate }) });
    } catch (error) {
      if (error instanceof ProblemError)
        throw new ConnectError(
          `the agent has no credentials for its cluster: ${error.message}`,
          Code.Unavailable,
        );
      throw error;
    }
  }

  /** Never rejects: that it can't be sent shows in the answer. */
  async #sendBody(request: ClientRequest, first: Uint8Array): Promise<void> {
    let rest = this.#head.contentLength ?? Number.POSITIVE_INFINITY;
    try {
      for (let data = first; ; ) {
        rest -= data.length;
        // More than it says would be the next request on that connection.
        if (rest < 0) throw new ProtocolError('a request has more of a body than it says');
        await writeTo(request, data, closed);
        const next = await this.#parts.next();
        if (next.done || next.value.case !== 'data') break;
        data = next.value.value.data;
      }
      if (rest > 0 && Number.isFinite(rest))
        throw new ProtocolError('a request has less of a body than it says');
      request.end();
    } catch (error) {
      this.#wrong = error;
      request.destroy();
    }
  }

  async #carryBody(message: IncomingMessage): Promise<void> {
    try {
      for await (const chunk of message as AsyncIterable<Buffer>) await this.#send('data', chunk);
    } catch (error) {
      this.#call.signal.throwIfAborted();
      throw this.#wrong ?? cutOff(this.#api, error);
    }
  }

  /** Both ways at once, until the cluster's side ends, or both have. */
  async #carryUpgraded(socket: NonNullable<RelayedAnswer['upgraded']>['socket']): Promise<void> {
    const cut = (): void => void socket.destroy();
    const { signal } = this.#call;
    signal.addEventListener('abort', cut, { once: true });
    let wrong: unknown;
    const up = async (): Promise<void> => {
      for await (const part of this.#parts)
        if (part.case === 'upgradeData') await writeTo(socket, part.value.data, closed);
      socket.end();
    };
    up().catch((error: unknown) => {
      wrong = error;
      socket.destroy();
    });
    try {
      signal.throwIfAborted();
      for await (const chunk of socket as AsyncIterable<Buffer>) await this.#send('upgradeData', chunk);
    } catch (error) {
      signal.throwIfAborted();
      throw wrong instanceof ProtocolError ? wrong : cutOff(this.#api, error);
    } finally {
      signal.removeEventListener('abort', cut);
      socket.destroy();
    }
  }

  async #send(kind: 'data' | 'upgradeData', chunk: Buffer): Promise<void> {
    for (let from = 0; from < chunk.length; from += MOST_BYTES)
      await this.#call.send(...dataMessage(kind, chunk.subarray(from, from + MOST_BYTES)));
  }
}

/** Half an answer must not look like a whole one. */
function cutOff(api: ApiRelay, error: unknown): ConnectError {
  return new ConnectError(`the answer was cut off: ${api.wordFailure(error)}`, Code.Unavailable);
}

async function renewed(relayed: Relayed): Promise<boolean> {
  return relayed.renew().catch(() => false);
}

function closed(): Error {
  return new Error('the connection was closed');
}
