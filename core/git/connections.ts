import type { Agent } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import { getCACertificates } from 'node:tls';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConnectionsOptions {
  /** PEM. Only these authorities are trusted then. */
  ca?: string;
  /** For HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in either case. */
  env: Environment;
}

/** To one host: repositories whose requests hang must not hold up the others. */
const MOST_SOCKETS = 64;
/** Kept open between polls, which come one after the other. */
const MOST_IDLE = 4;
const PROXY_NAMES = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'];

/**
 * The keep-alive connections to all Git servers of a program, pooled by host, and what git has to know to connect
 * in the same way: a server that is polled is a server that can be fetched from.
 */
export class Connections {
  /** PEM of all authorities that are trusted: those that Node trusts where no others are given. */
  readonly trusted: string;
  /** The proxy variables as both Node and curl read them, which takes HTTP_PROXY in lower case only. */
  readonly proxyEnv: Readonly<Record<string, string>>;
  readonly #secure: https.Agent;
  readonly #plain: http.Agent;

  constructor({ ca, env }: ConnectionsOptions) {
    this.trusted = ca ?? getCACertificates('default').join('\n');
    this.proxyEnv = Object.fromEntries(
      PROXY_NAMES.flatMap((name) => {
        const value = env[name] || env[name.toLowerCase()];
        return value ? [[name.toLowerCase(), value]] : [];
      }),
    );
    const options = {
      keepAlive: true,
      maxSockets: MOST_SOCKETS,
      maxFreeSockets: MOST_IDLE,
      proxyEnv: { ...this.proxyEnv },
    };
    this.#secure = new https.Agent({ ...options, ...(ca ? { ca } : {}) });
    this.#plain = new http.Agent(options);
  }

  agentFor(url: URL): Agent {
    return url.protocol === 'https:' ? this.#secure : this.#plain;
  }

  close(): void {
    this.#secure.destroy();
    this.#plain.destroy();
  }
}
