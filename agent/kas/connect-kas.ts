import type http from 'node:http';
import type { ClientHttp2Stream, Http2Session, SecureClientSessionOptions } from 'node:http2';
import type { Duplex } from 'node:stream';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { Interceptor, Transport } from '@connectrpc/connect';
import { compressionGzip, createGrpcTransport } from '@connectrpc/connect-node';
import { WebSocket } from 'ws';
import { Alarm } from '../../core/daemon/time.ts';
import { asSocket } from '../../core/grpc/as-socket.ts';
import { SUBPROTOCOL, WEBSOCKET_OPTIONS, websocketStream } from '../../core/grpc/websocket-stream.ts';
import { openEndpoint } from '../../core/kube/endpoint.ts';
import { environmentProxy } from '../../core/kube/proxy-choice.ts';
import { PlainTunnelAgent } from '../../core/kube/tunnel.ts';
import { type KasFlags, serverNameOf } from './kas-flags.ts';
import { WatchedSessions } from './watched-sessions.ts';

export interface KasOptions {
  flags: KasFlags;
  /** PEM of an authority beside those of the machine. */
  ca?: string;
  /** Asked for each call, for the file may be exchanged. */
  token: () => Promise<string>;
  userAgent: string;
  /** For the proxy of a WebSocket. */
  env: NodeJS.ProcessEnv;
}

/** The connection to an agent server: opened when the first call needs it, and anew after it was lost. */
export interface Kas extends Disposable {
  transport: Transport;
  /** For one call whose end has to be known at once, even while nobody reads: it is told of the stream. */
  watched(onStream: (stream: ClientHttp2Stream) => void): Transport;
  /** Rings when a connection is lost. */
  lost: Alarm;
}

/** As GitLab's agent, in ms: more often than every 20 s a server takes for an attack. */
const PING_EVERY = 55_000;
const PING_TIMEOUT = 20_000;
const CONNECT_TIMEOUT = 20_000;
/** As gRPC's: of one message, in bytes, decompressed. */
const MESSAGE_BYTES = 4 * 2 ** 20;
/** What may be under way to a slow reader, in bytes. */
const WINDOW = 1024 * 1024;
const SESSION_WINDOW = 16 * WINDOW;
/** Of all streams: with hundreds of answers under way, Node's 10 MB would not let new streams in. In MB. */
const SESSION_MEMORY = 512;

export function connectKas(options: KasOptions): Kas {
  const { url } = options.flags.address;
  using stack = new DisposableStack();
  const sessions = new WatchedSessions(
    url.href,
    {
      pingIntervalMs: PING_EVERY,
      pingTimeoutMs: PING_TIMEOUT,
      pingIdleConnection: true,
      connectTimeoutMs: CONNECT_TIMEOUT,
    },
    sessionOptions(options, stack),
  );
  stack.defer(() => sessions.abort(new Error('the agent ends')));
  const lost = new Alarm();
  sessions.onLost = () => lost.ring();
  const ending = stack.move();
  const wide = new WeakSet<Http2Session>();
  /** Of all streams together: with the 64 KiB that it begins with, calls would wait for each other. */
  const widen = (session: Http2Session | undefined): void => {
    if (!session || session.destroyed || wide.has(session)) return;
    wide.add(session);
    session.setLocalWindowSize(SESSION_WINDOW);
  };
  const transportOver = (sessionManager: Sessions): Transport =>
    createGrpcTransport({
      baseUrl: url.origin,
      sessionManager,
      interceptors: [credentials(options)],
      acceptCompression: [compressionGzip],
      readMaxBytes: MESSAGE_BYTES,
    });
  return {
    transport: transportOver(sessions),
    watched: (onStream) =>
      transportOver({
        authority: sessions.authority,
        async request(...call) {
          const stream = await sessions.request(...call);
          widen(stream.session);
          onStream(stream);
          return stream;
        },
        notifyResponseByteRead: (stream) => sessions.notifyResponseByteRead(stream),
      }),
    lost,
    [Symbol.dispose]: () => ending.dispose(),
  };
}

type Sessions = Pick<WatchedSessions, 'authority' | 'request' | 'notifyResponseByteRead'>;

function credentials({ token, userAgent }: KasOptions): Interceptor {
  return (next) => async (request) => {
    request.header.set('authorization', `Bearer ${await token()}`);
    request.header.set('user-agent', userAgent);
    return next(request);
  };
}

function sessionOptions(options: KasOptions, stack: DisposableStack): SecureClientSessionOptions {
  const { flags, ca } = options;
  const settings = { initialWindowSize: WINDOW, enablePush: false };
  const limits = { settings, maxSessionMemory: SESSION_MEMORY };
  const { address } = flags;
  if (address.kind === 'websocket') {
    const agent = stack.adopt(agentFor(options), (made) => made?.destroy());
    return { ...limits, createConnection: () => openWebSocket(options, agent) };
  }
  if (!address.secure) return limits;
  const servername = serverNameOf(flags);
  return {
    ...limits,
    // Made once: reading hundreds of authorities for each connection takes longer than all the rest.
    secureContext: createSecureContext({ ca: [...authorities(), ...(ca === undefined ? [] : [ca])] }),
    rejectUnauthorized: !flags.insecure,
    ...(servername !== undefined && { servername }),
  };
}

function authorities(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
}

/** HTTP/2 is spoken inside of it, in cleartext; what encrypts is the WebSocket. No redirect is followed. */
function openWebSocket(options: KasOptions, agent: http.Agent | undefined): Duplex {
  const { flags, userAgent } = options;
  const { url, secure } = flags.address;
  const address = new URL(url);
  address.protocol = secure ? 'wss:' : 'ws:';
  const socket = new WebSocket(address, SUBPROTOCOL, {
    ...WEBSOCKET_OPTIONS,
    headers: { 'user-agent': userAgent, ...Object.fromEntries(flags.headers) },
    handshakeTimeout: CONNECT_TIMEOUT,
    ...(agent && { agent }),
  });
  return asSocket(websocketStream(socket));
}

/** TLS and the proxy of the environment are the business of Node's agents. */
function agentFor({ flags, ca, env }: KasOptions): http.Agent | undefined {
  const { url, secure } = flags.address;
  const proxy = environmentProxy(env, url);
  // Through a proxy, plain WebSockets need a tunnel, too: few proxies hand an upgrade on.
  if (!secure && !proxy) return undefined;
  const server = url.origin;
  if (!secure && proxy && proxy.protocol === 'http:')
    return new PlainTunnelAgent({ proxy, proxyTls: undefined as never });
  const endpoint = openEndpoint(
    {
      server,
      tls: {
        ...(ca !== undefined && { ca: Buffer.from([...authorities(), ca].join('\n')) }),
        insecure: flags.insecure,
        ...(flags.serverName !== undefined && { serverName: flags.serverName }),
      },
      ...(proxy && { proxy }),
    },
    undefined,
    0,
  );
  return endpoint.options.agent;
}
