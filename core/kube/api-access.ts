import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { type Credential, type CredentialSource, openCredentials } from './credentials.ts';
import { type Endpoint, openEndpoint } from './endpoint.ts';

export interface ApiAccessOptions {
  clock: Clock;
  /** Ends what obtains credentials. */
  signal: AbortSignal;
  /** Connections that are kept though nobody uses them. */
  maxIdle: number;
  /** How much of an answer is taken before somebody reads it, in bytes; Node's 16 KiB where it is not said. */
  readAhead?: number;
}

/** What requests to one API server have in common: the credentials of a user, and connections. */
export class ApiAccess {
  readonly #connection: Connection;
  readonly #options: ApiAccessOptions;
  #credentials: Promise<CredentialSource> | undefined;
  /** The newest last; older ones had another client certificate and only finish what they began. */
  readonly #endpoints: { endpoint: Endpoint; certificate: Credential['certificate'] }[] = [];

  constructor(connection: Connection, options: ApiAccessOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Rejects with ProblemError where there are none to be had. */
  source(): Promise<CredentialSource> {
    const { clock, signal } = this.#options;
    this.#credentials ??= openCredentials(this.#connection.auth, clock, signal);
    return this.#credentials;
  }

  endpointFor({ certificate }: Credential): Endpoint {
    const newest = this.#endpoints.at(-1);
    if (newest && newest.certificate === certificate) return newest.endpoint;
    const { maxIdle, readAhead } = this.#options;
    const endpoint = openEndpoint(this.#connection, certificate, maxIdle, readAhead);
    this.#endpoints.push({ endpoint, certificate });
    return endpoint;
  }

  /** Drops every connection. */
  close(): void {
    for (const { endpoint } of this.#endpoints) endpoint.close();
  }
}
