import type { ApiFailure } from '../model/cluster.ts';
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

type NodeError = Error & { code?: string; cert?: { subjectaltname?: string } };

/**
 * Words an error of Node's sockets and TLS for people, with a stable reason. `server` is the URL's origin. What
 * isn't known here is told by its code, never by OpenSSL's own text alone.
 */
export function connectionFailure(error: unknown, server: string): ApiFailure {
  if (error instanceof WireError) return noAnswer(error.reason, error.message);
  const { code = '', message, cert } = error as NodeError;
  const [reason, sentence] = describe(code, message, server, cert);
  return noAnswer(reason, sentence);
}

function describe(code: string, message: string, server: string, cert: NodeError['cert']): [string, string] {
  switch (code) {
    case 'ECONNREFUSED':
      return ['ConnectionRefused', `nothing listens at ${server} (connection refused)`];
    case 'ENOTFOUND':
      return ['HostNotFound', `the host of ${server} is not known (DNS has no address for it)`];
    case 'EAI_AGAIN':
      return [
        'DnsUnavailable',
        `the address of ${server} can't be looked up: the DNS server does not answer`,
      ];
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return ['Unreachable', `there is no way to ${server} from this network`];
    case 'ETIMEDOUT':
      return ['ConnectTimeout', `${server} does not answer (the connection timed out)`];
    case 'ECONNRESET':
    case 'ECONNABORTED':
    case 'EPIPE':
      return ['ConnectionReset', `${server} closed the connection before its answer was complete`];
    case 'CERT_HAS_EXPIRED':
      return ['CertificateExpired', `the certificate of ${server} has expired`];
    case 'CERT_NOT_YET_VALID':
      return [
        'CertificateNotYetValid',
        `the certificate of ${server} is not valid yet: is this machine's clock right?`,
      ];
    case 'ERR_TLS_CERT_ALTNAME_INVALID': {
      const names = cert?.subjectaltname ? ` (it is for ${cert.subjectaltname})` : '';
      return ['HostnameMismatch', `the certificate of ${server} is for another host${names}`];
    }
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
    case 'INVALID_CA':
      return [
        'UnknownAuthority',
        `the certificate of ${server} is signed by an authority that is not trusted`,
      ];
    case 'CERT_REVOKED':
      return ['CertificateRevoked', `the certificate of ${server} is revoked`];
  }
  if (isPlainAnswer(code, message))
    return ['PlainHttp', `${server} does not speak TLS: it looks like a plain HTTP port`];
  if (
    /ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED)/.test(
      code,
    )
  ) {
    return ['ClientCertificateRefused', `${server} refuses the client certificate (${alertName(code)})`];
  }
  if (code.startsWith('HPE_'))
    return ['NotHttp', `what ${server} answers is not HTTP: is the port right, and is it https?`];
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO')
    return ['TlsFailed', `no TLS connection to ${server} (${code})`];
  // Node's "socket hang up" has the code ECONNRESET; what is left has a code that says it, or a text of Node's.
  return ['ConnectionFailed', `no connection to ${server} (${code || message})`];
}

function isPlainAnswer(code: string, message: string): boolean {
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') return true;
  return code === 'EPROTO' && /wrong version number|packet length too long|http request/i.test(message);
}

function alertName(code: string): string {
  return code
    .replace(/^.*ALERT_/, '')
    .replaceAll('_', ' ')
    .toLowerCase();
}

/** What to do about a failure without an answer; undefined where nothing useful can be said. */
export function connectionHint(failure: ApiFailure): string | undefined {
  return HINTS[failure.reason];
}

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
  NotKubernetes:
    'is the server in the kubeconfig the API server, and does a proxy need a login or an exception (NO_PROXY)?',
};
