import type { ImpersonationConfig } from '../../core/grpc/generated/kubernetes_api_pb.ts';

/** A person's or a job's credential, as `Authorization` holds it. */
export interface Credential {
  kind: 'ci' | 'pat';
  token: string;
}

/** Who may make requests to a cluster, and as whom the agent makes them there. */
export interface Visitor {
  /** Undefined: as the agent itself. */
  impersonation?: ImpersonationConfig;
  /** For the audit log: names and numbers, nothing secret. */
  who: Readonly<Record<string, string | number>>;
}

/** Who says who may make requests to which agent's cluster. */
export interface Visitors {
  /** Rejects with ConnectError. */
  admit(credential: Credential, agentId: bigint, signal: AbortSignal): Promise<Visitor>;
  /** Whether the credential was good a moment ago. */
  isKnown(credential: Credential, agentId: bigint): boolean;
}
