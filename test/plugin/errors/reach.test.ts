// Nobody to speak to, or nobody who listens: kubeconfig, connection, credentials.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerOptions } from 'node:https';
import { createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Authority } from '../../core/kube/certificates.ts';
import { sharedCluster } from '../../support/cluster.ts';
import { type Situation, tellsErrors } from '../../support/error-rows.ts';
import { failed, front } from '../../support/front.ts';
import { PLUGIN } from '../../support/plugin.ts';

/** A server that asks for certificates says 401, one that does not takes whoever comes for nobody. */
const REFUSED =
  /the API server (does not accept the credentials \(401 Unauthorized\)|got no credentials that it knows, and lets nobody do this \(403 Forbidden\))/;
const CANARY = 'canary-5Tq0Zr';
const cwd = mkdtempSync(join(tmpdir(), 'errors-reach-'));
const authority = new Authority();
test.after.always(() => {
  authority.remove();
  rmSync(cwd, { recursive: true, force: true });
});
test.before(() => {
  mkdirSync(join(cwd, 'directory'));
  writeFileSync(join(cwd, 'broken'), `users:\n- name: u\n  user: {token: "${CANARY}\n`);
  writeFileSync(join(cwd, 'empty'), '');
  writeFileSync(join(cwd, 'private'), '', { mode: 0o600 });
  writeFileSync(join(cwd, 'no-certificate'), CANARY);
  writeFileSync(join(cwd, 'other.crt'), authority.ca.cert);
});

/** An HTTPS server with such a certificate. */
async function serverWith(t: ExecutionContext, options: ServerOptions): Promise<string> {
  const server = createServer(options).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  return `https://127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** Somebody who has such a certificate and nothing else. */
function asHolderOf({ certFile, keyFile }: { certFile: string; keyFile: string }): Situation {
  const { url, caFile } = sharedCluster();
  const credentials = ['--client-certificate', certFile, '--client-key', keyFile];
  return {
    args: ['status', '-s', url, '--certificate-authority', caFile, ...credentials],
    env: { KUBECONFIG: '/dev/null' },
  };
}

/** As another user than root, who may read everything. */
function asNobody(): [string, ...string[]] {
  if (process.getuid?.() !== 0) return [process.execPath, PLUGIN];
  const user = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  return ['setpriv', ...user, process.execPath, PLUGIN];
}

tellsErrors([
  {
    what: 'no kubeconfig',
    given: { args: 'status', env: { KUBECONFIG: '' } },
    error: /there is no kubeconfig \(looked for \S+\/\.kube\/config\)/,
    hint: 'name one with --kubeconfig or KUBECONFIG, or a server with -s',
  },
  {
    what: 'the kubeconfig is not there',
    given: { args: 'sync --kubeconfig nowhere', cwd },
    error: 'the kubeconfig file nowhere does not exist',
  },
  {
    what: 'the kubeconfig is a directory',
    given: { args: 'history --kubeconfig directory', cwd },
    error: "the kubeconfig file directory can't be read: it is a directory",
  },
  {
    what: 'the kubeconfig is of somebody else',
    given: () => {
      execFileSync('chmod', ['755', cwd]);
      return { args: 'status --kubeconfig private', cwd, program: asNobody() };
    },
    error: "the kubeconfig file private can't be read: permission denied",
  },
  {
    what: 'the kubeconfig is no YAML',
    given: { args: 'wait --kubeconfig broken', cwd, secrets: [CANARY] },
    error: /broken:\d+:\d+: the kubeconfig is not YAML: .+/,
  },
  {
    what: 'the kubeconfig is empty',
    given: { args: 'inventory --kubeconfig empty', cwd },
    error: 'no server is named in empty',
    hint: 'name a context with --context or a server with -s',
  },
  {
    what: 'an unknown context',
    given: { args: 'status --context controlplane' },
    error: /there is no context "controlplane" in \S+/,
    hint: 'did you mean "control-plane"?',
  },
  {
    what: 'an unknown cluster',
    given: { args: 'status --cluster controlplane' },
    error: /there is no cluster "controlplane" in \S+/,
    hint: 'did you mean "control-plane"?',
  },
  {
    what: 'an unknown user',
    given: { args: 'status --user nobody' },
    error: /there is no user "nobody" in \S+/,
    hint: 'did you mean "admin"?',
  },
  {
    what: 'an address that is none',
    given: { args: 'status -s ftp://cluster' },
    error: 'the address of the API server is not an http or https URL',
    hint: 'it looks like https://host:6443',
  },
  ...['status', 'sync', 'explain cm/a', 'uninstall', 'diff'].map((args) => ({
    what: `nobody listens: ${args}`,
    given: { args: `${args} -s https://127.0.0.1:1` },
    error: 'nothing listens at https://127.0.0.1:1 (connection refused)',
    hint: 'is the cluster running, and is it the one you mean? kubectl config current-context says which it is',
  })),
  {
    what: 'an unknown host',
    given: { args: 'status -s https://cluster.invalid' },
    error:
      /the (host of https:\/\/cluster\.invalid is not known \(DNS has no address for it\)|address of https:\/\/cluster\.invalid can't be looked up: the DNS server does not answer)/,
    hint: 'is the server in the kubeconfig spelt right, and are you in the right network or VPN?',
  },
  {
    what: 'a certificate authority that is not that of the server',
    given: { args: 'status --certificate-authority other.crt', cwd },
    error: /the certificate of https:\S+ is signed by an authority that is not trusted/,
    hint: 'is the certificate-authority of the kubeconfig that of this cluster (was it made anew)?',
  },
  {
    what: 'a certificate authority that is no certificate',
    given: { args: 'status --certificate-authority no-certificate', cwd, secrets: [CANARY] },
    error: 'the certificate authority in no-certificate holds no certificate in PEM form',
  },
  {
    what: "the server's certificate has expired",
    given: async (t) => ({
      args: `status -s ${await serverWith(t, authority.issue('kube', ['IP:127.0.0.1'], 0))} --certificate-authority other.crt`,
      cwd,
    }),
    error: /the certificate of https:\S+ has expired/,
    hint: /the cluster's administrator has to renew it.*/,
  },
  {
    what: 'the clock is behind the certificate of the server',
    given: async (t) => ({
      args: `status -s ${await serverWith(t, authority.issue('kube', ['IP:127.0.0.1'], Number.POSITIVE_INFINITY))} --certificate-authority other.crt`,
      cwd,
    }),
    error: /the certificate of https:\S+ is not valid yet: is this machine's clock right\?/,
  },
  {
    what: 'a certificate for another host',
    given: async (t) => ({
      args: `status -s ${await serverWith(t, authority.issue('kube', ['DNS:kube.example.com']))} --certificate-authority other.crt`,
      cwd,
    }),
    error: /the certificate of https:\S+ is for another host \(it is for DNS:kube\.example\.com\)/,
    hint: /use a server address that the certificate names, .+/,
  },
  {
    what: 'a client certificate of another cluster',
    given: () => asHolderOf(authority.issue('ann')),
    error: REFUSED,
    hint: 'the credentials are refused: log in again, or fetch the kubeconfig anew',
  },
  {
    what: 'a client certificate that has expired',
    given: () => asHolderOf(authority.issue('ann', [], 0)),
    error: REFUSED,
    hint: 'the credentials are refused: log in again, or fetch the kubeconfig anew',
  },
  ...['status', 'history', 'apply -f -'].map((args) => ({
    what: `a token that is not good any more: ${args}`,
    given: {
      args: [...args.split(' '), '--token', CANARY],
      input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n',
      secrets: [CANARY],
    },
    error: 'the API server does not accept the credentials (401 Unauthorized)',
    hint: 'the credentials are refused: log in again, or fetch the kubeconfig anew',
  })),
  {
    what: 'a program that gets the credentials and is missing',
    given: () => {
      const { url, caFile } = sharedCluster();
      const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-login' };
      const ca = readFileSync(caFile).toString('base64');
      const config = {
        clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority-data': ca } }],
        users: [{ name: 'u', user: { exec: { ...exec, interactiveMode: 'Never' } } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      };
      writeFileSync(join(cwd, 'exec'), JSON.stringify(config));
      return { args: 'status --kubeconfig exec', cwd };
    },
    error: 'the exec plugin no-such-login, which gets the credentials, is not installed',
    hint: 'install it, or put its folder into PATH',
  },
  {
    what: 'a login page in between',
    given: async (t) => {
      const body = '<!doctype html><title>Sign in</title>';
      const portal = await front(sharedCluster(), () => ({ status: 200, body }));
      t.teardown(() => portal[Symbol.asyncDispose]());
      return { args: `status -s ${portal.url}` };
    },
    error: /the answer \(200\) is an HTML page \("Sign in"\), .+: a proxy or a login page stands in between/,
    hint: /is the server in the kubeconfig the API server, .+/,
  },
  {
    what: 'the API server has a trouble of its own',
    given: async (t) => {
      const body = failed(500, 'InternalError', 'etcdserver: leader changed');
      const ill = await front(sharedCluster(), ({ path }) =>
        path.includes('configmaps') ? { status: 500, body } : undefined,
      );
      t.teardown(() => ill[Symbol.asyncDispose]());
      return { args: `status -s ${ill.url}` };
    },
    error: "agents can't be looked for in all namespaces: etcdserver: leader changed",
  },
  {
    what: 'no answer',
    given: async (t) => {
      const silent = createPlainServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
      await once(silent, 'listening');
      t.teardown(() => void silent.close());
      const { port } = silent.address() as { port: number };
      return { args: `status -s https://127.0.0.1:${port} --request-timeout=1` };
    },
    error: /no answer within 1 seconds?/,
    hint: 'are you in the right network or VPN? --request-timeout allows more time',
  },
]);
