import test from 'ava';
import { connectionFailure, connectionProblem } from '../../../core/kube/connection-failure.ts';
import { warningTexts } from '../../../core/kube/warnings.ts';
import { nearNames } from '../../../core/model/near-names.ts';

// What Node's sockets and TLS were seen to say, and what a person reads.
const WORDED: [string, string, string, RegExp][] = [
  ['ECONNREFUSED', '', 'ConnectionRefused', /nothing listens at https:\/\/x:1/],
  ['ENOTFOUND', '', 'HostNotFound', /is not known/],
  ['EAI_AGAIN', '', 'DnsUnavailable', /DNS server does not answer/],
  ['EHOSTUNREACH', '', 'Unreachable', /no way to/],
  ['ENETUNREACH', '', 'Unreachable', /no way to/],
  ['ETIMEDOUT', '', 'ConnectTimeout', /does not answer/],
  ['ECONNRESET', 'socket hang up', 'ConnectionReset', /closed the connection/],
  ['EPIPE', '', 'ConnectionReset', /closed the connection/],
  ['CERT_NOT_YET_VALID', '', 'CertificateNotYetValid', /clock/],
  ['CERT_REVOKED', '', 'CertificateRevoked', /revoked/],
  ['SELF_SIGNED_CERT_IN_CHAIN', '', 'UnknownAuthority', /not trusted/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', '', 'PlainHttp', /plain HTTP port/],
  [
    'EPROTO',
    'write EPROTO 00:error:0A00010B:SSL routines::wrong version number',
    'PlainHttp',
    /plain HTTP port/,
  ],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', '', 'ClientCertificateRefused', /\(certificate required\)/],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', '', 'ClientCertificateRefused', /\(bad certificate\)/],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', '', 'ClientCertificateRefused', /\(unknown ca\)/],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', '', 'TlsFailed', /ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE/],
  ['EPROTO', 'something else', 'TlsFailed', /EPROTO/],
  ['HPE_INVALID_CONSTANT', '', 'NotHttp', /is not HTTP/],
  ['EMFILE', '', 'ConnectionFailed', /EMFILE/],
];

for (const [code, message, reason, sentence] of WORDED) {
  test(`${code} ${message}`.trim(), (t) => {
    const failure = connectionFailure(Object.assign(new Error(message), { code }), 'https://x:1');
    t.like(failure, { status: 0, reason, causes: [] });
    t.regex(failure.message, sentence);
    if (['ConnectionRefused', 'UnknownAuthority', 'PlainHttp'].includes(reason))
      t.truthy(connectionProblem(failure)?.problems[0]?.hint);
  });
}

test("the agent server's own words are not taken for the cluster's", (t) => {
  const said = (status: number, message: string) =>
    connectionProblem({ status, reason: '', message, causes: [] })?.problems[0];
  t.like(said(403, 'GitLab Agent Server: Forbidden: agentId is not allowed'), {
    message: 'the agent server does not let this through (403): Forbidden: agentId is not allowed',
  });
  t.regex(said(401, 'GitLab Agent Server: Unauthorized')!.hint!, /user_access/);
  t.is(said(502, 'GitLab Agent Server: no agent is connected')!.hint, undefined);
  t.is(said(403, 'pods is forbidden: User "x" cannot list'), undefined);
});

const NEAR: [string, string[], string[]][] = [
  ['prod', [], []],
  ['prod', ['a', 'b'], ['a', 'b']],
  ['producton', ['staging', 'production', 'dev', 'test'], ['production']],
  ['PROD', ['kind-dev', 'gke_prod_eu', 'eks-prod', 'minikube'], ['eks-prod', 'gke_prod_eu']],
  ['xyz', ['staging', 'production', 'develop', 'testing'], []],
];

for (const [wanted, names, expected] of NEAR) {
  test(`near ${wanted} of ${names.join()}: ${expected.join()}`, (t) => {
    t.deepEqual(nearNames(wanted, names), expected);
  });
}

test('warnings: several in one header, quotes inside, other codes left out', (t) => {
  t.deepEqual(warningTexts(undefined), []);
  t.deepEqual(warningTexts('299 - "one", 299 - "two \\"x\\", y"'), ['one', 'two "x", y']);
  t.deepEqual(warningTexts(['299 - "a"', '199 - "b"']), ['a']);
});

const ANSWERED: [status: number, reason: string, message: string, told: string | undefined][] = [
  [401, 'Unauthorized', 'Unauthorized', 'the API server does not accept the credentials (401 Unauthorized)'],
  [
    403,
    'Forbidden',
    'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
    'the API server got no credentials that it knows, and lets nobody do this (403 Forbidden)',
  ],
  [403, 'Forbidden', 'pods is forbidden: User "ann" cannot list resource "pods" in API group ""', undefined],
  [500, 'InternalError', 'etcdserver: leader changed', undefined],
];
for (const [status, reason, message, told] of ANSWERED) {
  test(`told of the connection, or of this request alone: ${status} ${message}`, (t) => {
    const problem = connectionProblem({ status, reason, message, causes: [] });
    t.is(problem?.problems[0]?.message, told);
    t.is(problem?.problems[0]?.hint !== undefined, told !== undefined);
  });
}
