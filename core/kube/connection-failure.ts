import type { ApiFailure } from '../model/cluster.ts';
import { describeConnectionError, type NodeError } from '../model/connection-error.ts';
import { ProblemError } from '../model/problem.ts';
import { noAnswer } from './failure.ts';

/** An error of our own that knows already how it is worded. */
export class WireError extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'WireError';
    this.reason = reason;
  }
}

/** An error of the connection to an API server, as a failure without an answer. `server` is the URL's origin. */
export function connectionFailure(error: unknown, server: string): ApiFailure {
  if (error instanceof WireError) return noAnswer(error.reason, error.message);
  return noAnswer(...describeConnectionError(error as NodeError, server));
}

/** A failure that every request would meet, with what to do; undefined where the API server refused this one only. */
export function connectionProblem({ status, reason, message }: ApiFailure): ProblemError | undefined {
  const ofServer = AGENT_SERVER.exec(message)?.[1];
  if (ofServer) {
    const hint = status === 401 || status === 403 ? HINTS.AgentServer : undefined;
    const said = `the agent server does not let this through (${status}): ${ofServer}`;
    return new ProblemError({ code: 'AgentServer', message: said, ...(hint && { hint }) });
  }
  const refused = (message: string): ProblemError =>
    new ProblemError({ code: 'Unauthorized', message, hint: HINTS.Unauthorized! });
  if (status === 403 && /User "system:anonymous" cannot /.test(message))
    return refused(
      'the API server got no credentials that it knows, and lets nobody do this (403 Forbidden)',
    );
  if (status !== 0 && status !== 401 && reason !== 'NotKubernetes') return undefined;
  if (status === 401 && reason !== 'NotKubernetes')
    return refused('the API server does not accept the credentials (401 Unauthorized)');
  const hint = HINTS[reason];
  return new ProblemError({ code: reason || 'Unreachable', message, ...(hint && { hint }) });
}

/** How agent servers, GitLab's and ours, begin what they say themselves, so that it is not taken for the cluster's word. */
const AGENT_SERVER = /^GitLab Agent Server: (.+)/s;

const HINTS: Record<string, string> = {
  ConnectionRefused:
    'is the cluster running, and is it the one you mean? kubectl config current-context says which it is',
  HostNotFound: 'is the server in the kubeconfig spelt right, and are you in the right network or VPN?',
  Unreachable: 'are you in the right network or VPN?',
  ConnectTimeout: 'are you in the right network or VPN? a firewall may drop the packets',
  Timeout: 'are you in the right network or VPN? --request-timeout allows more time',
  CertificateExpired: "the cluster's administrator has to renew it",
  HostnameMismatch: 'use a server address that the certificate names, or say its name with --tls-server-name',
  UnknownAuthority: 'is the certificate-authority of the kubeconfig that of this cluster (was it made anew)?',
  ClientCertificateRefused:
    'the kubeconfig may be of another cluster, or its certificate out of date: fetch it anew',
  PlainHttp: 'use http:// in the server address, or the port that speaks https',
  NotHttp: 'use https:// in the server address',
  Unauthorized: 'the credentials are refused: log in again, or fetch the kubeconfig anew',
  AgentServer:
    "is the token good, and does user_access or ci_access of the agent's config.yaml let its owner or this project in?",
  NotKubernetes:
    'is the server in the kubeconfig the API server, and does a proxy need a login or an exception (NO_PROXY)?',
};
