import { once } from 'node:events';
import type { AgentOptions, ClientRequestArgs } from 'node:http';
import https from 'node:https';
import { connect, isIP, isIPv6, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { WireError } from './connection-failure.ts';
import { http } from './node-http.ts';
import { bareHost } from './proxy-choice.ts';

export interface TunnelOptions {
  proxy: URL;
  /** For a proxy that is itself reached by TLS. */
  proxyTls: { secureContext: SecureContext; rejectUnauthorized: boolean };
}

const CONNECT_TIMEOUT = 30_000;

/** An https agent whose connections go through a proxy: CONNECT, or SOCKS5 with the name resolved by the proxy. */
export class TlsTunnelAgent extends https.Agent {
  readonly #opener: TunnelOpener;

  constructor(options: https.AgentOptions & TunnelOptions) {
    super(options);
    this.#opener = new TunnelOpener(options);
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, stream: Socket) => void,
  ): undefined {
    this.#opener.open(String(options.host), Number(options.port)).then(
      (socket) =>
        callback?.(null, super.createConnection({ ...options, socket } as https.RequestOptions) as Socket),
      (error: Error) => callback?.(error, undefined as unknown as Socket),
    );
    return undefined;
  }

  override destroy(): void {
    this.#opener.close();
    super.destroy();
  }
}

/** The same for plain HTTP, which needs it for SOCKS only: an HTTP proxy takes plain requests as they are. */
export class PlainTunnelAgent extends http.Agent {
  readonly #opener: TunnelOpener;

  constructor(options: AgentOptions & TunnelOptions) {
    super(options);
    this.#opener = new TunnelOpener(options);
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Socket) => void,
  ): undefined {
    this.#opener.open(String(options.host), Number(options.port)).then(
      (socket) => callback?.(null, socket),
      (error: Error) => callback?.(error, undefined as unknown as Socket),
    );
    return undefined;
  }

  override destroy(): void {
    this.#opener.close();
    super.destroy();
  }
}

/** Opens connections to a host through a proxy, and closes those that are still being opened. */
class TunnelOpener {
  readonly #proxy: URL;
  readonly #proxyTls: TunnelOptions['proxyTls'];
  readonly #opening = new Set<Socket>();

  constructor({ proxy, proxyTls }: TunnelOptions) {
    this.#proxy = proxy;
    this.#proxyTls = proxyTls;
  }

  open(host: string, port: number): Promise<Socket> {
    return this.#proxy.protocol.startsWith('socks')
      ? this.#openSocks(host, port)
      : this.#openConnect(host, port);
  }

  close(): void {
    for (const socket of this.#opening) socket.destroy();
  }

  async #openSocks(host: string, port: number): Promise<Socket> {
    // A bundle has only the default export of a CommonJS package.
    const { default: socks } = await import('socks');
    const socket = this.#track(connect(this.#address()));
    const { username, password } = this.#proxy;
    try {
      await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT) });
      await socks.SocksClient.createConnection({
        command: 'connect',
        destination: { host, port },
        existing_socket: socket,
        timeout: CONNECT_TIMEOUT,
        proxy: {
          ...this.#address(),
          type: 5,
          ...(username
            ? { userId: decodeURIComponent(username), password: decodeURIComponent(password) }
            : {}),
        },
      });
      return socket;
    } catch (error) {
      socket.destroy();
      throw proxyError(this.#proxy, (error as NodeJS.ErrnoException).code ?? (error as Error).message);
    } finally {
      this.#opening.delete(socket);
    }
  }

  #openConnect(host: string, port: number): Promise<Socket> {
    const target = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
    const raw = this.#track(this.#connectProxy());
    return new Promise((resolve, reject) => {
      const request = http.request({
        method: 'CONNECT',
        path: target,
        headers: { host: target, ...proxyAuthorization(this.#proxy) },
        setHost: false,
        createConnection: () => raw,
        timeout: CONNECT_TIMEOUT,
      });
      const fail = (error: Error): void => {
        raw.destroy();
        this.#opening.delete(raw);
        reject(
          error instanceof WireError
            ? error
            : proxyError(this.#proxy, (error as NodeJS.ErrnoException).code ?? error.message),
        );
      };
      request.once('connect', ({ statusCode = 0 }, socket) => {
        if (statusCode < 200 || statusCode > 299) return fail(refusal(this.#proxy, statusCode, target));
        this.#opening.delete(raw);
        socket.removeAllListeners('timeout').setTimeout(0);
        resolve(socket as Socket);
      });
      // A proxy that refuses may answer like any other server instead.
      request.once('response', ({ statusCode = 0 }) => fail(refusal(this.#proxy, statusCode, target)));
      request.once('timeout', () => fail(proxyError(this.#proxy, 'it does not answer')));
      request.once('error', fail);
      request.end();
    });
  }

  #connectProxy(): Socket {
    if (this.#proxy.protocol !== 'https:') return connect(this.#address());
    const address = this.#address();
    // TLS takes names there, and checks addresses without it.
    const name = isIP(address.host) ? {} : { servername: address.host };
    return connectTls({ ...address, ...name, ...this.#proxyTls });
  }

  #address(): { host: string; port: number } {
    const { hostname, port, protocol } = this.#proxy;
    const standard = protocol === 'https:' ? 443 : protocol === 'http:' ? 80 : 1080;
    return { host: bareHost(hostname), port: port ? Number(port) : standard };
  }

  #track(socket: Socket): Socket {
    this.#opening.add(socket);
    return socket;
  }
}

/** The header for a proxy that wants a password. */
export function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (!username && !password) return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

function refusal(proxy: URL, status: number, target: string): WireError {
  if (status === 407)
    return new WireError('ProxyLogin', `the proxy ${proxy.host} wants a user and password (407)`);
  return new WireError(
    'ProxyFailed',
    `the proxy ${proxy.host} refuses a connection to ${target} (${status})`,
  );
}

function proxyError(proxy: URL, why: string): WireError {
  return new WireError('ProxyFailed', `the proxy ${proxy.host} can't be used: ${why}`);
}
