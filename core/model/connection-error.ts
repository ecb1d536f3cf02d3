export type NodeError = Error & { code?: string; cert?: { subjectaltname?: string } };

/**
 * Words an error of Node's sockets and TLS for people, with a stable reason. `server` is the URL's origin. What
 * isn't known here is told by its code, never by OpenSSL's own text alone.
 */
export function describeConnectionError(
  error: NodeError,
  server: string,
): [reason: string, sentence: string] {
  const { code = '', message, cert } = error;
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
