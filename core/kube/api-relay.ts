import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiAccess, type ApiAccessOptions } from './api-access.ts';
import type { Connection, Impersonation } from './connection.ts';
import { connectionFailure } from './connection-failure.ts';
import { impersonationHeaders } from './impersonation.ts';

/** A request of somebody else's, made with our credentials. */
export interface RelayedRequest {
  method: string;
  /** Below the server, with its query; encoded. */
  path: string;
  headers: Readonly<Record<string, string | readonly string[]>>;
  impersonate?: Impersonation;
}

export interface RelayedAnswer {
  message: IncomingMessage;
  /** Where the connection is another one's now: it, and what has come by it already. */
  upgraded?: { socket: Duplex; first: Buffer };
}

/** A request that has begun: whoever began it sends the body, and ends it. */
export interface Relayed {
  request: ClientRequest;
  /** Rejects with an error of Node's sockets, or with what the request was destroyed with. */
  answer: Promise<RelayedAnswer>;
  /** After a 401: whether the same request may fare better now. */
  renew(): Promise<boolean>;
}

/** Larger pieces are carried on with less effort; smaller ones need less memory where nobody reads. */
const READ_AHEAD = 64 * 1024;

/**
 * Hands requests on to an API server as they are, but for the credentials, which are ours: nothing is tried again,
 * waits for its turn, or is read.
 */
export class ApiRelay {
  readonly #connection: Connection;
  readonly #access: ApiAccess;
  readonly #headers: Readonly<Record<string, string | readonly string[]>>;

  constructor(connection: Connection, options: Omit<ApiAccessOptions, 'readAhead'>) {
    this.#connection = connection;
    this.#access = new ApiAccess(connection, { ...options, readAhead: READ_AHEAD });
    this.#headers = impersonationHeaders(connection.impersonate);
  }

  /** Whether we are somebody else already, and can't be a third one. */
  get impersonates(): boolean {
    return this.#connection.impersonate !== undefined;
  }

  /** Rejects with ProblemError where there are no credentials to be had. */
  async begin({ method, path, headers, impersonate }: RelayedRequest): Promise<Relayed> {
    const source = await this.#access.source();
    const credential = await source.current();
    const endpoint = this.#access.endpointFor(credential);
    const request = endpoint.request({
      ...endpoint.options,
      method,
      path: endpoint.pathPrefix + path,
      headers: {
        ...headers,
        ...this.#headers,
        ...impersonationHeaders(impersonate),
        ...endpoint.headers,
        ...credential.headers,
      } as Record<string, string | string[]>,
    });
    // It may fail while nobody waits for the answer.
    request.on('error', () => {});
    const answer = new Promise<RelayedAnswer>((resolve, reject) => {
      request.once('response', (message: IncomingMessage) => resolve({ message }));
      request.once('upgrade', (message: IncomingMessage, socket: Duplex, first: Buffer) =>
        resolve({ message, upgraded: { socket, first } }),
      );
      request.once('error', reject);
      request.once('close', () => reject(new Error('the request was given up')));
    });
    answer.catch(() => {});
    return { request, answer, renew: () => source.renew(credential) };
  }

  /** Why there was no answer, for people. */
  wordFailure(error: unknown): string {
    return connectionFailure(error, this.#connection.server).message;
  }

  close(): void {
    this.#access.close();
  }
}
