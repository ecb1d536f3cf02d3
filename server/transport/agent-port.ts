import http from 'node:http';
import http2, { type ServerHttp2Session } from 'node:http2';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { parseListenAddress } from '../../core/daemon/listen.ts';
import type { Log } from '../../core/daemon/log.ts';
import { pause } from '../../core/daemon/time.ts';
import { type CertificatePair, keepRenewed } from './certificate.ts';
import { addressOf, clientAddress } from './client-address.ts';
import type { AgentConnection } from './connection.ts';
import { protocolOf } from './first-bytes.ts';
import { guardSession, MOST_STREAMS, type SessionLimits } from './guard-session.ts';
import { FIRST_WINDOW, shareWindows } from './stream-windows.ts';
import { WebSocketDoor } from './websocket-door.ts';

export interface AgentPortOptions {
  /** `HOST:PORT` or `:PORT`. */
  address: string;
  /** PEM; without them it is cleartext. Read for each connection, so that renewed ones count. */
  tls?: () => CertificatePair;
  /** Answers a call. */
  handle: (
    request: http2.Http2ServerRequest,
    response: http2.Http2ServerResponse,
    connection: AgentConnection,
  ) => void;
  limits: SessionLimits;
  /** The header in which a proxy in front says who connected; without it that is whose address the socket has. */
  addressHeader?: string;
  /** For the header `Server`. */
  serverName: string;
  random: () => number;
  log: Log;
}

/** How long a peer may take to say what it speaks, in ms. */
const FIRST_BYTES = 10_000;

/** One port for all agents: gRPC in cleartext or TLS, and gRPC inside a WebSocket. */
export class AgentPort implements AsyncDisposable {
  readonly #options: AgentPortOptions;
  readonly #listener: net.Server;
  readonly #http1: http.Server;
  readonly #http2: http2.Http2Server;
  readonly #door: WebSocketDoor;
  readonly #sockets = new Set<Socket>();
  /** Of sockets that have to ask for a WebSocket: when it is too late. */
  readonly #asking = new WeakMap<Duplex, NodeJS.Timeout>();
  readonly #sessions = new Map<ServerHttp2Session, { connection: AgentConnection; end: () => void }>();
  /** Whose session the HTTP/2 server makes right now. */
  #arriving = '';
  #isDraining = false;

  private constructor(options: AgentPortOptions) {
    this.#options = options;
    const { serverName, handle } = options;
    this.#door = new WebSocketDoor(serverName, (stream, request) =>
      this.#serve(stream, clientAddress(request, options.addressHeader)),
    );
    this.#http1 = http.createServer((_request, response) => {
      response.writeHead(426, { server: serverName, upgrade: 'websocket', connection: 'close' });
      response.end('agents connect with gRPC, or a WebSocket with the subprotocol ws-tunnel\n');
    });
    this.#http1.on('upgrade', (request, socket, head) => {
      clearTimeout(this.#asking.get(socket));
      this.#door.admit(request, socket, head);
    });
    this.#http2 = http2.createServer({
      settings: {
        initialWindowSize: FIRST_WINDOW,
        maxConcurrentStreams: MOST_STREAMS,
        maxHeaderListSize: 16_384,
      },
    });
    this.#http2.on('session', (session) => this.#adopt(session));
    this.#http2.on('request', (request, response) => {
      const session = request.stream.session as ServerHttp2Session | undefined;
      const known = session && this.#sessions.get(session);
      if (known) handle(request, response, known.connection);
      else response.stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    });
    // What a peer breaks ends its own connection only.
    this.#http2.on('sessionError', () => {});
    this.#listener = options.tls
      ? this.#secure(options.tls)
      : net.createServer((socket) => this.#meet(socket));
    this.#listener.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#sockets.delete(socket));
      socket.setNoDelay(true);
    });
  }

  /** Resolves once it listens; rejects where it can't. */
  static async open(options: AgentPortOptions): Promise<AgentPort> {
    const port = new AgentPort(options);
    const { host, port: number } = parseListenAddress(options.address);
    await new Promise<void>((resolve, reject) => {
      port.#listener.once('error', reject);
      port.#listener.listen({ port: number, ...(host && { host }) }, resolve);
    });
    return port;
  }

  get address(): AddressInfo {
    return this.#listener.address() as AddressInfo;
  }

  get connections(): number {
    return this.#sessions.size;
  }

  /** Takes no more connections and calls, asks streams to end, and cuts off what is left after `grace` ms. */
  async drain(grace: number): Promise<void> {
    this.#isDraining = true;
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    for (const { end } of [...this.#sessions.values()]) end();
    const cut = new AbortController();
    const sessions = [...this.#sessions.keys()].map(
      (session) => new Promise((resolve) => session.once('close', resolve)),
    );
    await Promise.race([Promise.all(sessions), pause(grace, cut.signal)]);
    cut.abort();
    await this.#door.close();
    for (const session of this.#sessions.keys()) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isDraining) await this.drain(0);
  }

  #secure(pair: () => CertificatePair): tls.Server {
    const server = tls.createServer({
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: FIRST_BYTES,
      minVersion: 'TLSv1.2',
      ...pair(),
    });
    keepRenewed(server, pair, this.#options.log);
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      if (this.#isDraining) socket.destroy();
      else if (socket.alpnProtocol === 'h2') this.#serve(socket, addressOf(socket));
      else this.#listen(socket);
    });
    server.on('tlsClientError', (error, socket) => {
      this.#options.log.debug('TLS handshake failed', { address: addressOf(socket), error: error.message });
    });
    return server;
  }

  async #meet(socket: Socket): Promise<void> {
    const protocol = await protocolOf(socket, FIRST_BYTES);
    if (!protocol || this.#isDraining) socket.destroy();
    else if (protocol === 'http2') this.#serve(socket, addressOf(socket));
    else {
      this.#listen(socket);
      socket.resume();
    }
  }

  /** To one request of HTTP/1.1. What limits connections in Node's server only runs in those that listen themselves. */
  #listen(socket: Socket): void {
    const late = setTimeout(() => socket.destroy(), FIRST_BYTES);
    socket.once('close', () => clearTimeout(late));
    this.#asking.set(socket, late);
    this.#http1.emit('connection', socket);
  }

  /** HTTP/2 over any stream of bytes. */
  #serve(stream: Duplex, address: string): void {
    stream.on('error', () => {});
    this.#arriving = address;
    // The session is made before this returns.
    this.#http2.emit('connection', stream);
  }

  #adopt(session: ServerHttp2Session): void {
    const { limits, random } = this.#options;
    const ending = new AbortController();
    const closed = new AbortController();
    const end = (): void => {
      if (ending.signal.aborted) return;
      ending.abort(new Error('the connection ends'));
      if (session.destroyed) return;
      // No new calls; those that are under way end by themselves, or are cut off.
      session.close();
      setTimeout(() => session.destroy(), limits.grace).unref();
    };
    const connection = { address: this.#arriving, ending: ending.signal, closed: closed.signal };
    this.#sessions.set(session, { connection, end });
    session.on('error', () => {});
    shareWindows(session);
    session.once('close', () => {
      this.#sessions.delete(session);
      for (const controller of [ending, closed]) controller.abort(new Error('the connection is closed'));
    });
    guardSession(session, limits, random, end);
    if (this.#isDraining) end();
  }
}
