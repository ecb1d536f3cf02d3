import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Connection, ConnectionFlags } from '../../../core/kube/connection.ts';
import { loadConnection } from '../../../core/kube/load-connection.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { Authority } from './certificates.ts';

const authority = new Authority();
const jane = authority.issue('jane');
const joe = authority.issue('joe');
const dir = mkdtempSync(join(tmpdir(), 'kube-connection-'));
const base64 = (text: string) => Buffer.from(text).toString('base64');
test.after.always(() => {
  authority.remove();
  rmSync(dir, { recursive: true, force: true });
});

const kubeconfig = join(dir, 'config');
writeFileSync(join(dir, 'ca.pem'), authority.ca.cert);
writeFileSync(join(dir, 'token'), 'from-file\n');
writeFileSync(join(dir, 'nonsense.pem'), 'nonsense');
writeFileSync(
  kubeconfig,
  `
apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: dev
  cluster: {server: "https://dev.example.com:6443/", certificate-authority: ca.pem, tls-server-name: inner}
- name: data
  cluster: {server: "https://data.example.com/k8s/clusters/c-1/", certificate-authority-data: ${base64(authority.ca.cert)}, disable-compression: true, proxy-url: "socks5://jo:secret@proxy:1080"}
- name: bad-ca
  cluster: {server: "https://x", certificate-authority: nonsense.pem}
- name: no-ca
  cluster: {server: "https://x", certificate-authority: missing.pem}
- name: both
  cluster: {server: "https://x", certificate-authority: ca.pem, insecure-skip-tls-verify: true}
- name: plain
  cluster: {server: "http://plain:8001"}
- name: bad-proxy
  cluster: {server: "https://x", proxy-url: "ftp://jo:PLANTED@proxy"}
- name: insecure
  cluster: {server: "https://x", insecure-skip-tls-verify: yes}
contexts:
- {name: dev, context: {cluster: dev, user: cert, namespace: shop}}
- {name: data, context: {cluster: data, user: token}}
- {name: impersonate, context: {cluster: data, user: impersonate}}
- {name: production-eu, context: {cluster: data, user: token}}
- {name: broken, context: {cluster: gone, user: token}}
- {name: nobody, context: {cluster: data, user: gone}}
- {name: plain, context: {cluster: plain, user: gone}}
users:
- name: cert
  user: {client-certificate: ${jane.certFile}, client-key-data: ${base64(jane.key)}}
- name: mismatch
  user: {client-certificate: ${jane.certFile}, client-key: ${joe.keyFile}}
- name: no-key
  user: {client-certificate: ${jane.certFile}}
- name: bad-key
  user: {client-certificate: ${jane.certFile}, client-key: nonsense.pem}
- {name: token, user: {token: abc}}
- {name: file, user: {tokenFile: token}}
- {name: no-file, user: {tokenFile: missing}}
- {name: basic, user: {username: jo, password: secret}}
- {name: two, user: {username: jo, token: abc}}
- {name: impersonate, user: {token: abc, as: jane, as-uid: "7", as-groups: [dev, ops], as-user-extra: {scope: [a, b]}}}
- {name: half, user: {token: abc, as-groups: [dev]}}
- {name: exec, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, interactiveMode: Never, provideClusterInfo: true, env: [{name: A, value: b}]}}}
- {name: old-exec, user: {exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: login}}}
- {name: no-mode, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: login}}}
`,
);
const empty = join(dir, 'empty');
writeFileSync(empty, '');

function load(flags: ConnectionFlags, env: Record<string, string> = {}): Connection {
  return loadConnection(flags, {
    env: { KUBECONFIG: kubeconfig, ...env },
    homedir: join(dir, 'home'),
    serviceAccountDir: join(dir, 'pod'),
  });
}

test('the current context, with files beside the kubeconfig', (t) => {
  const connection = load({});
  t.like(connection, {
    server: 'https://dev.example.com:6443',
    contextName: 'dev',
    namespace: 'shop',
    namespaceExplicit: false,
    auth: { kind: 'none' },
    compression: true,
  });
  t.is(connection.tls.ca?.toString(), authority.ca.cert);
  t.is(connection.tls.cert?.toString(), jane.cert);
  t.is(connection.tls.serverName, 'inner');
});

const CASES: [string, ConnectionFlags, Record<string, string>, Record<string, unknown>][] = [
  [
    'another context',
    { context: 'data' },
    {},
    {
      server: 'https://data.example.com/k8s/clusters/c-1',
      namespace: 'default',
      auth: { kind: 'token', token: 'abc' },
      compression: false,
    },
  ],
  [
    '-n is explicit',
    { context: 'data', namespace: 'web' },
    {},
    { namespace: 'web', namespaceExplicit: true },
  ],
  ['another user', { user: 'basic' }, {}, { auth: { kind: 'basic', username: 'jo', password: 'secret' } }],
  ['a token file', { user: 'file' }, {}, { auth: { kind: 'tokenFile', file: join(dir, 'token') } }],
  [
    'another cluster',
    { cluster: 'data', user: 'token' },
    {},
    { server: 'https://data.example.com/k8s/clusters/c-1', contextName: 'dev' },
  ],
  ['--token', { token: 'mine' }, {}, { auth: { kind: 'token', token: 'mine' } }],
  [
    '--token beside a password',
    { user: 'basic', token: 'mine' },
    {},
    { auth: { kind: 'token', token: 'mine' } },
  ],
  ['--server', { server: 'https://other:1' }, {}, { server: 'https://other:1' }],
  [
    'a server without a scheme is plain HTTP',
    { server: 'other:1', context: 'data' },
    {},
    { server: 'http://other:1', auth: { kind: 'none' } },
  ],
  [
    '-s alone',
    { server: 'https://other:1' },
    { KUBECONFIG: empty },
    { server: 'https://other:1', namespace: 'default', auth: { kind: 'none' } },
  ],
  [
    '-s with a password in the URL',
    { server: 'https://jo:s%20t@other:1' },
    { KUBECONFIG: empty },
    { server: 'https://other:1', auth: { kind: 'basic', username: 'jo', password: 's t' } },
  ],
  [
    'KUBERNETES_MASTER',
    {},
    { KUBECONFIG: empty, KUBERNETES_MASTER: 'http://master:8080' },
    { server: 'http://master:8080' },
  ],
  [
    'plain HTTP needs no user and sends no credentials',
    { context: 'plain', token: 'mine' },
    {},
    { server: 'http://plain:8001', auth: { kind: 'none' } },
  ],
  [
    'impersonation of the kubeconfig',
    { context: 'impersonate' },
    {},
    { impersonate: { user: 'jane', uid: '7', groups: ['dev', 'ops'], extra: { scope: ['a', 'b'] } } },
  ],
  [
    'impersonation by flags',
    { context: 'data', as: 'joe', asGroup: ['x', 'y'], asUid: '1' },
    {},
    { impersonate: { user: 'joe', uid: '1', groups: ['x', 'y'], extra: {} } },
  ],
  ['--request-timeout in seconds', { requestTimeout: '5' }, {}, { requestTimeout: 5_000 }],
  ['--request-timeout as a duration', { requestTimeout: '1m30.5s' }, {}, { requestTimeout: 90_500 }],
  ['yes is true', { cluster: 'insecure', user: 'token' }, {}, { tls: { insecure: true } }],
];

for (const [name, flags, env, expected] of CASES) {
  test(`connection: ${name}`, (t) => {
    t.like(load(flags, env), expected);
  });
}

test('flags for certificates stand above the kubeconfig', (t) => {
  const other = load({
    certificateAuthority: authority.ca.certFile,
    clientCertificate: joe.certFile,
    clientKey: joe.keyFile,
  });
  t.is(other.tls.cert?.toString(), joe.cert);
  const insecure = load({ insecureSkipTlsVerify: true });
  t.true(insecure.tls.insecure);
  t.is(insecure.tls.ca, undefined);
  t.is(load({ server: 'https://other:1' }).tls.serverName, undefined);
  t.is(load({ tlsServerName: 'mine' }).tls.serverName, 'mine');
  // An API server would take the certificate before the token.
  t.is(load({ token: 'mine' }).tls.cert, undefined);
  t.is(load({ requestTimeout: '0' }).requestTimeout, undefined);
});

test('an exec plugin knows its folder, its environment and the cluster', (t) => {
  const { auth } = load({ context: 'data', user: 'exec' });
  t.like(auth, {
    kind: 'exec',
    plugin: { command: join(dir, 'bin/login'), environment: { A: 'b', KUBECONFIG: kubeconfig } },
  });
  t.like((auth as Extract<Connection['auth'], { kind: 'exec' }>).plugin.cluster, {
    server: 'https://data.example.com/k8s/clusters/c-1',
    'certificate-authority-data': base64(authority.ca.cert),
    'proxy-url': 'socks5://jo:secret@proxy:1080',
    'disable-compression': true,
  });
});

test('in a pod: the service account, its namespace, and flags above it', (t) => {
  const pod = join(dir, 'pod');
  mkdirSync(pod);
  writeFileSync(join(pod, 'token'), 'pod-token');
  writeFileSync(join(pod, 'ca.crt'), authority.ca.cert);
  writeFileSync(join(pod, 'namespace'), 'agents\n');
  const env = { KUBECONFIG: empty, KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  const connection = load({}, env);
  t.like(connection, {
    server: 'https://[fd00::1]',
    namespace: 'agents',
    auth: { kind: 'tokenFile', file: join(pod, 'token') },
  });
  t.is(connection.tls.ca?.toString(), authority.ca.cert);
  t.is(connection.contextName, undefined);
  t.is(load({}, { ...env, POD_NAMESPACE: 'mine' }).namespace, 'mine');
  t.like(load({ token: 'x', as: 'jane' }, env), {
    auth: { kind: 'token', token: 'x' },
    impersonate: { user: 'jane' },
  });
  t.is(load({ server: 'https://other:1' }, env).server, 'https://other:1');
  // A kubeconfig wins, and only lends the namespace that it does not say.
  t.like(load({}, { ...env, KUBECONFIG: kubeconfig }), {
    server: 'https://dev.example.com:6443',
    namespace: 'shop',
  });
  rmSync(pod, { recursive: true });
});

const WRONG: [string, ConnectionFlags, Record<string, string>, string, RegExp, RegExp?][] = [
  [
    'an unknown context',
    { context: 'producton-eu' },
    {},
    'UnknownContext',
    /there is no context "producton-eu" in /,
    /did you mean "production-eu"\?/,
  ],
  [
    'an unknown current-context',
    {},
    { KUBECONFIG: join(dir, 'lost') },
    'UnknownContext',
    /"lost", which is the current-context,/,
  ],
  ['an unknown cluster', { context: 'broken' }, {}, 'UnknownCluster', /there is no cluster "gone"/],
  ['an unknown user', { context: 'nobody' }, {}, 'UnknownUser', /there is no user "gone"/],
  [
    'no kubeconfig',
    {},
    { KUBECONFIG: join(dir, 'missing') },
    'NoKubeconfig',
    /looked for .*missing/,
    /--kubeconfig/,
  ],
  [
    'an explicit kubeconfig that is missing',
    { kubeconfig: join(dir, 'missing') },
    {},
    'KubeconfigMissing',
    /missing does not exist/,
  ],
  ['a folder', { kubeconfig: dir }, {}, 'KubeconfigUnreadable', /it is a directory/],
  ['an empty kubeconfig', {}, { KUBECONFIG: empty }, 'NoServer', /no server is named/],
  [
    'no context chosen',
    {},
    { KUBECONFIG: join(dir, 'unchosen') },
    'NoContext',
    /no context is chosen/,
    /--context: a, b/,
  ],
  ['not YAML', {}, { KUBECONFIG: join(dir, 'syntax') }, 'KubeconfigSyntax', /is not YAML/],
  ['a list', {}, { KUBECONFIG: join(dir, 'list') }, 'KubeconfigInvalid', /must be a kubeconfig/],
  [
    'a number for a token',
    {},
    { KUBECONFIG: join(dir, 'number') },
    'KubeconfigInvalid',
    /users\[0\]\.user\.token must be a string/,
  ],
  ['a name twice', {}, { KUBECONFIG: join(dir, 'twice') }, 'KubeconfigInvalid', /"a" is there twice/],
  [
    'an authority that is none',
    { cluster: 'bad-ca' },
    {},
    'CertificateInvalid',
    /the certificate authority of the cluster "bad-ca" holds no certificate/,
  ],
  [
    'an authority that is missing',
    { cluster: 'no-ca' },
    {},
    'CertificateUnreadable',
    /missing\.pem: it does not exist/,
  ],
  ['an authority and none', { cluster: 'both' }, {}, 'TrustAmbiguous', /both given/],
  [
    'a key of another certificate',
    { user: 'mismatch' },
    {},
    'ClientKeyMismatch',
    /of the user "mismatch" and its key don't belong together/,
  ],
  ['no key', { user: 'no-key' }, {}, 'ClientKeyMissing', /has no key/],
  ['a key that is none', { user: 'bad-key' }, {}, 'ClientKeyInvalid', /is not a private key/],
  ['a token file that is missing', { user: 'no-file' }, {}, 'TokenFileMissing', /does not exist/],
  ['a token and a password', { user: 'two' }, {}, 'AuthAmbiguous', /both a token and a password/],
  ['groups without a user', { user: 'half' }, {}, 'ImpersonationIncomplete', /needs a user/, /--as/],
  ['--as-group alone', { asGroup: ['x'] }, {}, 'ImpersonationIncomplete', /needs a user/, /--as/],
  ['a line break in a name', { as: 'a\nX-Evil: b' }, {}, 'ImpersonationInvalid', /line break/],
  ['an exec plugin of an old version', { user: 'old-exec' }, {}, 'ExecPluginInvalid', /v1alpha1/, /v1beta1/],
  ['an exec plugin without a mode', { user: 'no-mode' }, {}, 'ExecPluginInvalid', /no interactiveMode/],
  [
    'a proxy that is none',
    { cluster: 'bad-proxy' },
    {},
    'ProxyInvalid',
    /the proxy-url of the cluster "bad-proxy"/,
  ],
  ['a server that is none', { server: 'https://' }, {}, 'ServerInvalid', /not an http or https URL/],
  [
    'a timeout that is none',
    { requestTimeout: 'soon' },
    {},
    'TimeoutInvalid',
    /"soon" is not a request timeout/,
  ],
];

writeFileSync(join(dir, 'lost'), 'current-context: lost\ncontexts: [{name: a, context: {cluster: c}}]\n');
writeFileSync(join(dir, 'unchosen'), 'contexts: [{name: a, context: {}}, {name: b, context: {}}]\n');
writeFileSync(join(dir, 'syntax'), 'a: [1\ntoken: PLANTED');
writeFileSync(join(dir, 'list'), '- a\n');
writeFileSync(join(dir, 'number'), 'users: [{name: a, user: {token: 12345}}]\n');
writeFileSync(
  join(dir, 'twice'),
  'users: [{name: a, user: {token: x}}, {name: a, user: {token: PLANTED}}]\n',
);

for (const [name, flags, env, code, message, hint] of WRONG) {
  test(`one sentence: ${name}`, (t) => {
    const error = t.throws(() => load(flags, env), { instanceOf: ProblemError })!;
    const [problem] = error.problems;
    t.is(error.problems.length, 1);
    t.is(problem!.code, code);
    t.regex(problem!.message, message);
    if (hint) t.regex(problem!.hint ?? '', hint);
    t.notRegex(JSON.stringify(error.problems), /PLANTED/);
  });
}
