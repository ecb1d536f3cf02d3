import type { Json } from '../model/json.ts';
import type { ExecEntry } from './kubeconfig-file.ts';

/** kubectl's connection flags, as the command line gives them; files are relative to the working directory. */
export interface ConnectionFlags {
  kubeconfig?: string;
  context?: string;
  cluster?: string;
  user?: string;
  namespace?: string;
  server?: string;
  token?: string;
  as?: string;
  asGroup?: readonly string[];
  asUid?: string;
  certificateAuthority?: string;
  clientCertificate?: string;
  clientKey?: string;
  insecureSkipTlsVerify?: boolean;
  tlsServerName?: string;
  /** `30`, `1m30s`; `0` leaves it at our default. */
  requestTimeout?: string;
  disableCompression?: boolean;
}

/** How the user proves who it is. Client certificates stand in `tls`. */
export type Auth =
  | { kind: 'none' }
  | { kind: 'token'; token: string }
  /** `fallback` counts while the file can't be read. */
  | { kind: 'tokenFile'; file: string; fallback?: string }
  | { kind: 'basic'; username: string; password: string }
  | { kind: 'exec'; plugin: ExecPlugin }
  | { kind: 'provider'; provider: AuthProvider };

/** An exec plugin with all that it is told. `environment` is the whole environment it runs in. */
export interface ExecPlugin extends ExecEntry {
  environment: Readonly<Record<string, string | undefined>>;
  /** `spec.cluster` of its input, where it asks for it. */
  cluster?: Json;
}

/** The old `auth-provider` of a kubeconfig's user. */
export interface AuthProvider {
  name: string;
  config: Readonly<Record<string, string>>;
  /** Where a proxy for the identity provider may be named. */
  environment: Readonly<Record<string, string | undefined>>;
  /** The definition that renewed tokens are written back to. */
  origin?: { file: string; user: string };
}

export interface Impersonation {
  user: string;
  uid?: string;
  groups: readonly string[];
  extra: Readonly<Record<string, readonly string[]>>;
}

export interface TlsOptions {
  /** PEM. Absent: the authorities that this machine trusts. */
  ca?: Buffer;
  /** PEM, both or none. */
  cert?: Buffer;
  key?: Buffer;
  /** The name that the server's certificate must have, where it isn't the host of the URL. */
  serverName?: string;
  insecure: boolean;
}

/** Everything needed to speak to one API server as one user. Holds secrets: never print it. */
export interface Connection {
  /** `https://host:port/prefix`, without a slash at its end and without user information. */
  server: string;
  /** The kubeconfig context; absent in a cluster and with `-s` alone. */
  contextName?: string;
  /** `-n`, else the context's, else the pod's, else `default`. */
  namespace: string;
  /** Whether `-n` named the namespace. */
  namespaceExplicit: boolean;
  tls: TlsOptions;
  auth: Auth;
  impersonate?: Impersonation;
  /** `http:`, `https:` or `socks5:`; may hold a password. */
  proxy?: URL;
  compression: boolean;
  /** Milliseconds for one request; absent where no flag says. */
  requestTimeout?: number;
}
