/** The listener: the log of requests, the faults, and the way to git, REST and GraphQL. */
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { finished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, text } from './answer.ts';
import { type Fault, Faults, type Seen } from './faults.ts';
import { answerGit } from './git-access.ts';
import { answerGraphql } from './graphql/answer.ts';
import { answerInternal } from './internal-kubernetes.ts';
import { answerRest } from './rest/router.ts';
import { ROUTES } from './rest/routes.ts';
import { send } from './send.ts';
import type { World } from './world.ts';

/** The oldest leave the log, so that a long run does not grow. */
const KEPT = 10_000;

export class Server implements AsyncDisposable {
  readonly faults = new Faults();
  readonly requests: Seen[] = [];
  readonly #world: World;
  readonly #server: http.Server;
  #closing = new AbortController();
  #count = 0;
  #port = 0;

  constructor(world: World, tls?: { cert: string; key: string }) {
    this.#world = world;
    const listener = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#handle(request, response);
    this.#server = tls ? https.createServer(tls, listener) : http.createServer(listener);
    // Longer than the clients' own: a connection that the server ends just as a request comes is no test's subject.
    this.#server.keepAliveTimeout = 75_000;
    this.#server.requestTimeout = 0;
  }

  /** On 127.0.0.1; a free port where none is said. Resolves to that port. */
  async listen(port = 0): Promise<number> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this.#port;
  }

  /** Nothing listens any more, connections are cut and what serves them is ended, in the middle of anything. */
  async interrupt(): Promise<void> {
    if (!this.#server.listening) return;
    this.#closing.abort();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** After `interrupt`: on the same port. */
  async resume(): Promise<void> {
    this.#closing = new AbortController();
    await this.listen(this.#port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.interrupt();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    const signal = AbortSignal.any([gone.signal, this.#closing.signal]);
    const seen = this.#log(request);
    try {
      await this.#answer(request, response, seen, signal);
    } catch (error) {
      if (signal.aborted) return;
      // A fault of the stand-in itself: the test that meets it should see what and where.
      const trace = error instanceof Error ? error.stack : String(error);
      if (response.headersSent) response.destroy();
      else await send(response, text(500, `the GitLab stand-in failed: ${trace}`), [], signal);
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    seen: Seen,
    signal: AbortSignal,
  ): Promise<void> {
    const faults = this.faults.take(seen);
    for (const fault of faults) {
      if (fault === 'hang') return;
      if (fault === 'cut') return void request.socket.destroy();
      if (typeof fault === 'object' && 'latency' in fault) await delay(fault.latency, undefined, { signal });
    }
    const instead = find(faults, 'answer');
    if (instead) request.resume();
    const answer = instead ?? (await this.#route(request, seen, signal));
    const after = find(faults, 'answerAfter');
    if (after || faults.includes('cut after')) await untilDone(answer);
    if (faults.includes('cut after')) return void request.socket.destroy();
    const sent = after ?? answer;
    seen.status = sent.status;
    await send(response, request.method === 'HEAD' ? { ...sent, body: '' } : sent, faults, signal);
  }

  async #route(request: IncomingMessage, seen: Seen, signal: AbortSignal): Promise<Answer> {
    const url = new URL(request.url!, this.#world.url);
    if (seen.kind === 'git') {
      const answer = await answerGit(this.#world, request, url, signal);
      if (answer) return answer;
    }
    if (seen.kind !== 'rest' && seen.kind !== 'graphql') return text(404, 'Not found');
    const internal = await answerInternal(this.#world, request, url);
    if (internal) return internal;
    const { headers, refusal } = this.#world.limits.count(request);
    if (refusal) {
      request.resume();
      return refusal;
    }
    const answer =
      seen.kind === 'graphql'
        ? await answerGraphql(this.#world, request)
        : await answerRest(this.#world, ROUTES, request);
    return { ...answer, headers: { ...headers, ...answer.headers } };
  }

  #log(request: IncomingMessage): Seen {
    const { method = '', url: path = '', headers } = request;
    this.#count += 1;
    const seen: Seen = { number: this.#count, method, path, headers, kind: kindOf(path) };
    this.requests.push(seen);
    if (this.requests.length > KEPT) this.requests.shift();
    return seen;
  }
}

function kindOf(path: string): Seen['kind'] {
  if (path.startsWith('/api/graphql')) return 'graphql';
  if (path.startsWith('/api/')) return 'rest';
  return /\/(info\/refs|git-upload-pack|git-receive-pack)(\?|$)/.test(path) ? 'git' : 'other';
}

/** A push is done when git has said everything. */
async function untilDone({ body }: Answer): Promise<void> {
  if (typeof body !== 'string' && !Buffer.isBuffer(body)) await finished(body.resume());
}

function find(faults: readonly Fault[], name: 'answer' | 'answerAfter'): Answer | undefined {
  for (const fault of faults) {
    if (typeof fault === 'object' && name in fault) return (fault as Record<string, Answer>)[name];
  }
  return undefined;
}
