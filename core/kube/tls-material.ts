import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Choice } from './choose-context.ts';
import type { ConnectionFlags, TlsOptions } from './connection.ts';
import type { ClusterEntry, UserEntry } from './kubeconfig-file.ts';
import { problem } from './problems.ts';

/**
 * Reads the certificate authority and the client certificate, and checks that they are what they should be, so
 * that a mistake is told by name and not as a failed handshake. Throws ProblemError.
 */
export function readTls(
  cluster: ClusterEntry,
  user: UserEntry,
  flags: ConnectionFlags,
  choice: Choice,
): TlsOptions {
  const ofCluster = choice.clusterName ? ` of the cluster "${choice.clusterName}"` : '';
  const ofUser = choice.userName ? ` of the user "${choice.userName}"` : '';
  const ca = readPem(
    cluster.certificateAuthorityData,
    cluster.certificateAuthority,
    `the certificate authority${ofCluster}`,
  );
  if (ca && cluster.insecureSkipTlsVerify) {
    throw problem(
      'TrustAmbiguous',
      'a certificate authority and insecure-skip-tls-verify are both given',
      'leave one of them out of the kubeconfig and the flags',
    );
  }
  const ofAuthority = flags.certificateAuthority ? ` in ${flags.certificateAuthority}` : ofCluster;
  if (ca) checkCertificates(ca, `the certificate authority${ofAuthority}`);
  const serverName = cluster.tlsServerName ? { serverName: cluster.tlsServerName } : {};
  const trust = { ...(ca ? { ca } : {}), ...serverName, insecure: cluster.insecureSkipTlsVerify ?? false };
  return { ...trust, ...readClientCertificate(user, flags, ofUser) };
}

/** With `--token`, only a certificate that flags name counts: an API server looks at the certificate first. */
function readClientCertificate(
  user: UserEntry,
  flags: ConnectionFlags,
  ofUser: string,
): Pick<TlsOptions, 'cert' | 'key'> {
  const own = flags.token ? {} : user;
  const [certData, certFile] = flags.clientCertificate
    ? [undefined, flags.clientCertificate]
    : [own.clientCertificateData, own.clientCertificate];
  const [keyData, keyFile] = flags.clientKey
    ? [undefined, flags.clientKey]
    : [own.clientKeyData, own.clientKey];
  const cert = readPem(certData, certFile, `the client certificate${ofUser}`);
  if (!cert) return {};
  const key = readPem(keyData, keyFile, `the client key${ofUser}`);
  if (!key)
    throw problem(
      'ClientKeyMissing',
      `the client certificate${ofUser} has no key`,
      'give it with --client-key or in the kubeconfig',
    );
  checkKeyPair(cert, key, ofUser);
  return { cert, key };
}

/** Base64 data counts before a file, as its documentation says ("overrides"). */
function readPem(data: string | undefined, file: string | undefined, what: string): Buffer | undefined {
  if (data) {
    const bytes = Buffer.from(data, 'base64');
    if (!bytes.includes('-----BEGIN'))
      throw problem('CertificateInvalid', `${what} in the kubeconfig is not base64 of PEM`);
    return bytes;
  }
  if (!file) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'it does not exist' : code === 'EACCES' ? 'permission denied' : code;
    throw problem('CertificateUnreadable', `${what} can't be read from ${file}: ${why}`);
  }
}

/** The certificates of a PEM file, to be put into a kubeconfig; keys and texts between them are left out. Throws ProblemError. */
export function readAuthorities(file: string): string {
  const what = 'the certificate authority';
  const pem = readPem(undefined, file, what)!;
  checkCertificates(pem, `${what} in ${file}`);
  return `${pem.toString('latin1').match(PEM_CERTIFICATE)!.join('\n')}\n`;
}

const PEM_CERTIFICATE =
  /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]*-----END (?:TRUSTED )?CERTIFICATE-----/g;

function checkCertificates(pem: Buffer, what: string): X509Certificate {
  const blocks = pem.toString('latin1').match(PEM_CERTIFICATE) ?? [];
  try {
    const certificates = blocks.map((block) => new X509Certificate(block));
    if (certificates[0]) return certificates[0];
  } catch {
    // Worded below: OpenSSL's own text says nothing to a person.
  }
  throw problem('CertificateInvalid', `${what} holds no certificate in PEM form`);
}

/** Checks a PEM certificate chain against its key. Throws ProblemError. */
export function checkKeyPair(cert: Buffer | string, key: Buffer | string, ofWhom: string): void {
  const leaf = checkCertificates(Buffer.from(cert), `the client certificate${ofWhom}`);
  let matches: boolean;
  try {
    matches = leaf.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw problem(
      'ClientKeyInvalid',
      `the client key${ofWhom} is not a private key in PEM form without a password`,
    );
  }
  if (!matches)
    throw problem('ClientKeyMismatch', `the client certificate${ofWhom} and its key don't belong together`);
}
