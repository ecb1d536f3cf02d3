import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { parseListenAddress } from '../../core/daemon/listen.ts';
import type { Log } from '../../core/daemon/log.ts';
import { pause } from '../../core/daemon/time.ts';
import { type CertificatePair, keepRenewed } from '../transport/certificate.ts';
import { Refusal, statusAnswer } from './refusal.ts';

/** One request, and where its answer goes. */
export interface Visit {
  request: IncomingMessage;
  /** Where the connection is to be upgraded there is no response, but the connection itself, and what came by it. */
  to: { response: ServerResponse } | { socket: Duplex; first: Buffer };
  /** Aborted when the client leaves. */
  left: AbortSignal;
}

export interface AccessPortOptions {
  /** `HOST:PORT` or `:PORT`. */
  address: string;
  /** Without it, it is cleartext. Read for each connection, so that a renewed one counts. */
  tls?: () => CertificatePair;
  /** Of all headers of a request; 64 KiB where not said. */
  headerBytes?: number;
  /** Never rejects. */
  handle: (visit: Visit) => Promise<void>;
  log: Log;
}

/** Of all headers of a request, in bytes. */
const MOST_HEADER_BYTES = 64 * 1024;
/** How long a client may take for the headers, and for all of a body, in ms. Connections that are upgraded have no end. */
const HEADERS_TIMEOUT = 15_000;
const REQUEST_TIMEOUT = 5 * 60_000;
const KEEP_ALIVE_TIMEOUT = 75_000;
/** Of TCP, in ms. */
const KEEP_ALIVE_PROBE = 30_000;

/** The port of people and pipelines: HTTP/1.1, for connections that are upgraded know nothing newer. */
export class AccessPort implements AsyncDisposable {
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();
  readonly #visits = new Set<Promise<void>>();
  #isDraining = false;

  private constructor({ tls, headerBytes = MOST_HEADER_BYTES, handle, log }: AccessPortOptions) {
    const limits = {
      maxHeaderSize: headerBytes,
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
      noDelay: true,
      // Whoever is gone without a word is found out, also where nothing is read from them.
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE,
    };
    this.#server = tls ? secure(limits, tls, log) : http.createServer(limits);
    const run = (visit: Visit): void => {
      const visited = handle(visit).finally(() => this.#visits.delete(visited));
      this.#visits.add(visited);
    };
    // A second answer of a socket would be taken for part of the first.
    const asked = new WeakSet<Duplex>();
    this.#server.on('request', (request, response) => {
      asked.add(request.socket);
      if (this.#isDraining) response.setHeader('connection', 'close');
      run({ request, to: { response }, left: leaving(response) });
    });
    // Whoever asks first whether to send a body is answered once somebody wants it.
    this.#server.on('checkContinue', (request, response) => this.#server.emit('request', request, response));
    this.#server.on('upgrade', (request, socket, first) => {
      socket.on('error', () => {});
      run({ request, to: { socket, first }, left: leaving(socket) });
    });
    this.#server.on('connect', (_request, socket) =>
      refuse(socket, new Refusal(405, 'there are no tunnels here')),
    );
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (asked.has(socket)) (socket as Socket).destroySoon();
      else refuse(socket, clientRefusal(error));
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Resolves once it listens; rejects where it can't. */
  static async open(options: AccessPortOptions): Promise<AccessPort> {
    const port = new AccessPort(options);
    const { host, port: number } = parseListenAddress(options.address);
    await new Promise<void>((resolve, reject) => {
      port.#server.once('error', reject);
      port.#server.listen({ port: number, ...(host && { host }) }, resolve);
    });
    return port;
  }

  get address(): AddressInfo {
    return this.#server.address() as AddressInfo;
  }

  /** Takes no more connections, and cuts off what is under way after `grace` ms. */
  async drain(grace: number): Promise<void> {
    this.#isDraining = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    const cut = new AbortController();
    await Promise.race([Promise.all(this.#visits), pause(grace, cut.signal)]);
    cut.abort();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isDraining) await this.drain(0);
  }
}

function secure(limits: http.ServerOptions, read: () => CertificatePair, log: Log): https.Server {
  const server = https.createServer({
    ...limits,
    handshakeTimeout: HEADERS_TIMEOUT,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    ...read(),
  });
  keepRenewed(server, read, log);
  return server;
}

function leaving(stream: ServerResponse | Duplex): AbortSignal {
  const left = new AbortController();
  stream.once('close', () => left.abort(new Error('the client has left')));
  return left.signal;
}

/** What is no HTTP, or too much of it. */
function clientRefusal({ code }: NodeJS.ErrnoException): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') return new Refusal(431, 'the headers are too large');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Refusal(408, 'the request took too long');
  return new Refusal(400, 'Bad request');
}

/** Answers on a connection that nothing else is written to, and closes it. */
export function refuse(socket: Duplex, refusal: Refusal, more: Readonly<Record<string, string>> = {}): void {
  socket.on('error', () => {});
  if (!socket.writable) return void socket.destroy();
  const { headers, body } = statusAnswer(refusal, more);
  const lines = Object.entries({ ...headers, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const status = `HTTP/1.1 ${refusal.status} ${http.STATUS_CODES[refusal.status] ?? ''}`;
  socket.end(`${[status, ...lines].join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
