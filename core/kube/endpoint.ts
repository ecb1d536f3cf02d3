import type { Agent, request } from 'node:http';
import https from 'node:https';
import { createSecureContext, getCACertificates } from 'node:tls';
import type { Connection } from './connection.ts';
import { http } from './node-http.ts';
import { bareHost } from './proxy-choice.ts';
import { PlainTunnelAgent, proxyAuthorization, TlsTunnelAgent } from './tunnel.ts';

/** A server with its connections: what a request needs beside its own method, path, headers and body. */
export interface Endpoint {
  request: typeof request;
  options: { host: string; port: number; agent: Agent; servername?: string };
  /** Stands before every path: the URL's own path, or the whole URL where an HTTP proxy takes plain requests. */
  pathPrefix: string;
  headers: Readonly<Record<string, string>>;
  /** Drops all connections at once. */
  close(): void;
}

/** A client certificate that came with a credential; it stands above the connection's own. */
export interface ClientCertificate {
  cert: Buffer | string;
  key: Buffer | string;
}

/**
 * Makes the agent for a connection: keep-alive, TLS settled once and not per request. Of idle connections at most
 * `maxIdle` are kept; how many there are at once is for the caller to say, and watches don't count. Of an answer
 * `readAhead` bytes are taken before somebody reads them, where it is said.
 */
export function openEndpoint(
  connection: Pick<Connection, 'server' | 'tls' | 'proxy'>,
  certificate: ClientCertificate | undefined,
  maxIdle: number,
  readAhead?: number,
): Endpoint {
  const { server, proxy } = connection;
  const url = new URL(server);
  const secure = url.protocol === 'https:';
  const host = bareHost(url.hostname);
  const port = Number(url.port) || (secure ? 443 : 80);
  const prefix = url.pathname.replace(/\/$/, '');
  const pool = {
    keepAlive: true,
    keepAliveMsecs: 30_000,
    maxFreeSockets: maxIdle,
    ...(readAhead !== undefined && { highWaterMark: readAhead }),
  };
  const proxyTls = () => ({
    secureContext: createSecureContext({
      ca: [...getCACertificates('default'), ...(connection.tls.ca ? [connection.tls.ca] : [])],
    }),
    rejectUnauthorized: !connection.tls.insecure,
  });
  const finish = (
    agent: Agent,
    rest: Partial<Endpoint> & { at?: { host: string; port: number } } = {},
  ): Endpoint => ({
    request: agent instanceof https.Agent ? https.request : http.request,
    options: { ...(rest.at ?? { host, port }), agent },
    pathPrefix: rest.pathPrefix ?? prefix,
    headers: { host: url.host, ...rest.headers },
    close: () => agent.destroy(),
  });

  if (secure) {
    const tls = { ...pool, ...tlsAgentOptions(connection, certificate) };
    return finish(
      proxy
        ? new TlsTunnelAgent({ ...tls, proxy, proxyTls: lazyTls(proxy, proxyTls) })
        : new https.Agent(tls),
    );
  }
  if (!proxy) return finish(new http.Agent(pool));
  if (proxy.protocol.startsWith('socks')) {
    return finish(new PlainTunnelAgent({ ...pool, proxy, proxyTls: lazyTls(proxy, proxyTls) }));
  }
  const viaTls = proxy.protocol === 'https:';
  return finish(viaTls ? new https.Agent({ ...pool, ...proxyTls() }) : new http.Agent(pool), {
    at: { host: bareHost(proxy.hostname), port: Number(proxy.port) || (viaTls ? 443 : 80) },
    pathPrefix: server,
    headers: proxyAuthorization(proxy),
  });
}

/** Loading a hundred authorities takes time that only a proxy behind TLS is worth. */
function lazyTls<T>(proxy: URL, make: () => T): T {
  return proxy.protocol === 'https:' ? make() : (undefined as T);
}

function tlsAgentOptions(
  { tls }: Pick<Connection, 'tls'>,
  certificate: ClientCertificate | undefined,
): https.AgentOptions {
  const { cert, key } = certificate ?? tls;
  const pair = cert && key ? { cert, key } : {};
  return {
    // A context made once: with `ca` and `key` as options, Node would build their text into the pool's key for
    // every request, and parse them for every connection.
    secureContext: createSecureContext({
      ...pair,
      ...(tls.insecure ? {} : { ca: tls.ca ?? machineAuthorities() }),
    }),
    rejectUnauthorized: !tls.insecure,
    ...(tls.serverName ? { servername: tls.serverName } : {}),
  } as https.AgentOptions;
}

/** Node's own authorities and those of the operating system, where companies put theirs and where Go looks. */
function machineAuthorities(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
}
