import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { namespace, sharedCluster } from '../support/cluster.ts';
import { front } from '../support/front.ts';
import { type PluginResult, plugin } from '../support/plugin.ts';

const cwd = mkdtempSync(join(tmpdir(), 'connection-'));
test.after.always(() => rmSync(cwd, { recursive: true, force: true }));
const MANIFEST = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: value}\n';
const CANARY = 'canary-8JvQx2';

function diff(args: readonly string[], env: Record<string, string> = {}): Promise<PluginResult> {
  return plugin(['diff', '-f', '-', ...args], { cwd, env, input: MANIFEST });
}

/** A kubeconfig of the shared cluster with another user, or other words for the cluster. */
function kubeconfig(t: ExecutionContext, user: object, cluster: object = {}): string {
  const { url, caFile } = sharedCluster();
  const certificate = readFileSync(caFile).toString('base64');
  const entry = { server: url, 'certificate-authority-data': certificate, ...cluster };
  const file = join(cwd, `${t.title.replaceAll(/\W+/g, '-')}.kubeconfig`);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: entry }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'here',
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const otherAuthority = join(cwd, 'other.crt');
test.before(() => {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const out = ['-keyout', join(cwd, 'other.key'), '-out', otherAuthority];
  execFileSync('openssl', ['req', '-x509', ...key, ...out, '-subj', '/CN=other', '-days', '1'], {
    stdio: 'pipe',
  });
});

const FAILURES: { what: string; args: () => string[]; env?: Record<string, string>; says: RegExp }[] = [
  {
    what: 'no kubeconfig',
    args: () => [],
    env: { KUBECONFIG: '' },
    says: /^error: there is no kubeconfig \(looked for \S+\/\.kube\/config\)\nhint: name one with --kubeconfig or KUBECONFIG, or a server with -s\n$/,
  },
  {
    what: 'a kubeconfig that is not there',
    args: () => ['--kubeconfig', '/nowhere'],
    says: /^error: the kubeconfig file \/nowhere does not exist\n$/,
  },
  {
    what: 'a context that is not there',
    args: () => ['--context', 'controlplane'],
    says: /^error: there is no context "controlplane" in \S+\nhint: did you mean "control-plane"\?\n$/,
  },
  {
    what: 'nobody listens',
    args: () => ['-s', 'https://127.0.0.1:1'],
    says: /^error: nothing listens at https:\/\/127\.0\.0\.1:1 \(connection refused\)\nhint: is the cluster running, .*\n$/,
  },
  {
    what: 'a certificate of an authority that is not trusted',
    args: () => ['--certificate-authority', otherAuthority],
    says: /^error: the certificate of https:\S+ is signed by an authority that is not trusted\nhint: .*\n$/,
  },
  {
    what: 'a token that is no longer valid',
    args: () => ['--token', CANARY],
    says: /^error: the API server does not accept the credentials \(401 Unauthorized\)\nhint: .*log in again.*\n$/,
  },
];
for (const { what, args, env, says } of FAILURES) {
  test(`told within seconds, in a sentence with what to do: ${what}`, async (t) => {
    const start = Date.now();
    const { code, stdout, stderr } = await diff(args(), env);
    t.regex(stderr, says);
    t.is(stdout, '');
    t.is(code, 2);
    t.true(Date.now() - start < 10_000);
  });
}

test('a login page in between is told as what it is', async (t) => {
  const page = '<!doctype html><title>Sign in</title>';
  await using portal = await front(sharedCluster(), () => ({ status: 200, body: page }));
  const { code, stdout, stderr } = await diff(['-s', portal.url]);
  t.regex(
    stderr,
    /^error: the answer \(200\) is an HTML page \("Sign in"\), not the Kubernetes API's: .*\nhint: .*\n$/,
  );
  t.is(stdout, '');
  t.is(code, 2);
});

test('a server that says nothing is given up after the time that the user allows', async (t) => {
  const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  t.teardown(() => void silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const { code, stderr } = await diff(['-s', `https://127.0.0.1:${port}`, '--request-timeout=1']);
  t.regex(stderr, /^error: no answer within 1 seconds?\nhint: .*--request-timeout allows more time\n$/);
  t.is(code, 2);
});

const EXEC = { apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'Never', command: 'sh' };
function execUser(script: string): object {
  return { exec: { ...EXEC, args: ['-c', script] } };
}
function credential(token: string): string {
  return JSON.stringify({ apiVersion: EXEC.apiVersion, kind: 'ExecCredential', status: { token } });
}

test('an exec plugin that fails is named', async (t) => {
  const file = kubeconfig(t, execUser('exit 3'));
  const { code, stderr } = await diff(['--kubeconfig', file]);
  t.is(stderr, 'error: the exec plugin sh, which gets the credentials, failed with exit code 3\n');
  t.is(code, 2);
});

/** Users and flags with a planted credential. */
const PLANTED: { what: string; user: object; cluster?: object; args?: string[] }[] = [
  { what: 'a token', user: { token: CANARY } },
  { what: 'a token that no header can hold', user: { token: `${CANARY} ${CANARY}` } },
  { what: 'a token flag', user: {}, args: ['--token', CANARY] },
  { what: 'a password', user: { username: 'u', password: CANARY } },
  { what: 'the output of an exec plugin', user: execUser(`echo '${credential(CANARY)}'`) },
  { what: 'the broken output of an exec plugin', user: execUser(`echo '{"token": "${CANARY}'`) },
  { what: 'the password of a proxy', user: {}, cluster: { 'proxy-url': `http://u:${CANARY}@127.0.0.1:1` } },
  { what: 'the password of a broken proxy URL', user: {}, cluster: { 'proxy-url': `htp://u:${CANARY}@h` } },
  { what: 'a password in the address', user: {}, cluster: { server: `https://u:${CANARY}@127.0.0.1:1` } },
  { what: 'a token of the wrong type', user: { token: [CANARY] } },
];
for (const { what, user, cluster, args = [] } of PLANTED) {
  test(`never printed, not with -v=9 either: ${what}`, async (t) => {
    const file = kubeconfig(t, user, cluster);
    const { code, stdout, stderr } = await diff(['--kubeconfig', file, '-v=9', ...args]);
    t.is(code, 2);
    t.not(stderr, '');
    for (const secret of [CANARY, Buffer.from(CANARY).toString('base64').slice(0, -2)]) {
      t.false((stdout + stderr).includes(secret), stderr);
    }
    t.notRegex(stderr, /dTpjYW5hcnk/, 'basic authentication');
  });
}

test('never printed, not with -v=9 either: credentials that work', async (t) => {
  const ns = await namespace(t);
  const { token } = sharedCluster();
  const file = kubeconfig(t, execUser(`echo '${credential(token)}'`));
  const { code, stdout, stderr } = await diff(['--kubeconfig', file, '-n', ns, '-v=9']);
  t.is(code, 1);
  t.regex(stderr, /\n> authorization: \(hidden\)\n/);
  t.false((stdout + stderr).includes(token));
});

test('never printed: a token near the place where a kubeconfig stops being YAML', async (t) => {
  const file = join(cwd, 'broken.kubeconfig');
  for (const broken of [
    `token: "${CANARY}`,
    `token: ${CANARY}: x`,
    `token: [${CANARY}`,
    `- ${CANARY}\ntoken: x`,
  ]) {
    writeFileSync(file, `apiVersion: v1\nkind: Config\nusers:\n- name: u\n  user:\n    ${broken}\n`);
    const { code, stderr } = await diff(['--kubeconfig', file, '-v=9']);
    t.is(code, 2);
    t.regex(stderr, /^error: /);
    t.false(stderr.includes(CANARY), stderr);
  }
});
