import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openCredentials } from '../../../core/kube/credentials.ts';
import { loadConnection } from '../../../core/kube/load-connection.ts';
import { oidcCredentials } from '../../../core/kube/oidc-credential.ts';
import { ProblemError } from '../../../core/model/problem.ts';
import { Authority } from './certificates.ts';
import { quickClock } from './connections.ts';
import { json, type Listening, serve } from './servers.ts';

const dir = mkdtempSync(join(tmpdir(), 'kube-provider-'));
const authority = new Authority();
const certificate = authority.issue('idp', ['IP:127.0.0.1']);
const never = new AbortController().signal;
test.after.always(() => {
  authority.remove();
  rmSync(dir, { recursive: true, force: true });
});

const HOUR = 3_600_000;
const NOW = Date.parse('2026-01-01T00:00:00Z');
const jwt = (name: string, expires: number): string =>
  ['{}', JSON.stringify({ sub: name, exp: expires / 1000 }), name]
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');

/** An identity provider that takes every refresh token once, and the client's secret in the form only. */
async function identityProvider(asked: string[], more: { silent?: boolean } = {}): Promise<Listening> {
  let count = 1;
  const server: Listening = await serve((request, body, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url === '/realm/.well-known/openid-configuration') {
      return json(response, 200, { issuer: `${server.url}/realm`, token_endpoint: `${server.url}/token` });
    }
    const form = new URLSearchParams(body);
    if (form.get('client_secret') !== 's&t') return json(response, 401, { error: 'invalid_client' });
    if (form.get('refresh_token') !== `refresh-${count}`)
      return json(response, 400, { error: 'invalid_grant', error_description: 'PLANTED' });
    count += 1;
    const token = more.silent ? {} : { id_token: jwt(`token-${count}`, NOW + count * HOUR) };
    json(response, 200, { ...token, refresh_token: `refresh-${count}` });
  }, certificate);
  return server;
}

function kubeconfigOf(name: string, config: Record<string, string>): string {
  const file = join(dir, name);
  const lines = Object.entries(config).map(([key, value]) => `          ${key}: ${JSON.stringify(value)}`);
  writeFileSync(
    file,
    `# mine
current-context: a
clusters: [{name: a, cluster: {server: "https://x"}}]
contexts: [{name: a, context: {cluster: a, user: jane}}]
users:
  - name: other
    user: {token: "0123"} # keep
  - name: jane
    user:
      auth-provider:
        name: oidc
        config:
${lines.join('\n')}
`,
    { mode: 0o600 },
  );
  return file;
}

function providerOf(kubeconfig: string) {
  const { auth } = loadConnection({ kubeconfig }, { env: {}, homedir: dir });
  if (auth.kind !== 'provider') throw new Error(auth.kind);
  return auth.provider;
}

test('an ID token is used while it lasts, then renewed and written back', async (t) => {
  const asked: string[] = [];
  await using idp = await identityProvider(asked);
  const first = jwt('token-1', NOW + HOUR);
  const file = kubeconfigOf('rotating', {
    'idp-issuer-url': `${idp.url}/realm`,
    'idp-certificate-authority': authority.ca.certFile,
    'client-id': 'kube',
    'client-secret': 's&t',
    'id-token': first,
    'refresh-token': 'refresh-1',
  });
  const before = readFileSync(file, 'utf8');
  let now = NOW;
  const source = oidcCredentials(providerOf(file), never, () => now);
  t.is((await source.current()).headers.authorization, `Bearer ${first}`);
  t.deepEqual(asked, []);

  now += HOUR;
  const all = await Promise.all([source.current(), source.current()]);
  const second = jwt('token-2', NOW + 2 * HOUR);
  t.is(all[1]!.headers.authorization, `Bearer ${second}`);
  t.is(all[0], all[1]);
  t.deepEqual(asked, ['GET /realm/.well-known/openid-configuration', 'POST /token', 'POST /token']);
  t.is(readFileSync(file, 'utf8').replace(second, first).replace('refresh-2', 'refresh-1'), before);
  t.is(statSync(file).mode & 0o777, 0o600);

  // The next command begins with what was written, and a refused token is renewed before its time.
  const next = oidcCredentials(providerOf(file), never, () => now);
  const held = await next.current();
  t.is(held.headers.authorization, `Bearer ${second}`);
  t.true(await next.renew(held));
  t.is((await next.current()).headers.authorization, `Bearer ${jwt('token-3', NOW + 3 * HOUR)}`);
});

test('what is wrong with a login is one sentence without tokens', async (t) => {
  await using idp = await identityProvider([]);
  await using silent = await identityProvider([], { silent: true });
  const good = {
    'idp-issuer-url': `${idp.url}/realm`,
    'idp-certificate-authority-data': Buffer.from(authority.ca.cert).toString('base64'),
    'client-id': 'kube',
    'client-secret': 's&t',
    'id-token': jwt('PLANTED', NOW - HOUR),
    'refresh-token': 'PLANTED',
  };
  const { 'refresh-token': _token, ...without } = good;
  const { 'idp-certificate-authority-data': _ca, ...untrusted } = good;
  const cases: [Record<string, string>, RegExp][] = [
    [good, /refuses the refresh token \(invalid_grant\)/],
    [{ ...good, 'client-secret': 'PLANTED' }, /refuses the refresh token \(invalid_client\)/],
    [without, /has expired and can not be renewed/],
    [untrusted, /signed by an authority that is not trusted/],
    [{ ...good, 'idp-issuer-url': 'nowhere' }, /an address that is no URL/],
    [{ ...good, 'idp-issuer-url': idp.url }, /does not say where its tokens are|refuses/],
    [{ ...good, 'idp-issuer-url': `${silent.url}/realm`, 'refresh-token': 'refresh-1' }, /gives no ID token/],
  ];
  for (const [config, message] of cases) {
    const source = oidcCredentials({ name: 'oidc', config, environment: {} }, never, () => NOW);
    const error = (await t.throwsAsync(source.current(), { instanceOf: ProblemError }))!;
    t.regex(error.message, message);
    t.notRegex(JSON.stringify(error.problems), /PLANTED/);
  }
});

test('a kubeconfig that is locked or read-only does not keep anybody from working', async (t) => {
  await using idp = await identityProvider([]);
  const file = kubeconfigOf('locked', {
    'idp-issuer-url': `${idp.url}/realm`,
    'idp-certificate-authority': authority.ca.certFile,
    'client-secret': 's&t',
    'refresh-token': 'refresh-1',
  });
  writeFileSync(`${file}.lock`, '');
  const before = readFileSync(file, 'utf8');
  const source = oidcCredentials(providerOf(file), never, () => NOW);
  t.regex((await source.current()).headers.authorization!, /^Bearer /);
  t.is(readFileSync(file, 'utf8'), before);
  t.truthy(statSync(`${file}.lock`));
});

test('gcp and azure run their command, by client-node', async (t) => {
  const script = join(dir, 'token command');
  const answer = { credential: { access_token: 'abc', token_expiry: '2099-01-01T00:00:00Z' } };
  writeFileSync(script, `#!/bin/sh\necho '${JSON.stringify(answer)}'\n`, { mode: 0o755 });
  const config = {
    'cmd-path': script,
    'token-key': '{.credential.access_token}',
    'expiry-key': '{.credential.token_expiry}',
  };
  for (const name of ['gcp', 'azure']) {
    const source = await openCredentials(
      { kind: 'provider', provider: { name, config, environment: {} } },
      quickClock,
      never,
    );
    const credential = await source.current();
    t.is(credential.headers.authorization, 'Bearer abc');
    t.is(await source.current(), credential);
    t.false(await source.renew(credential));
  }
  const failing = { kind: 'provider', provider: { name: 'gcp', config: {}, environment: {} } } as const;
  const source = await openCredentials(failing, quickClock, never);
  await t.throwsAsync(source.current(), {
    message: 'the auth-provider gcp of the kubeconfig gives no token',
  });
  const unknown = { kind: 'provider', provider: { name: 'magic', config: {}, environment: {} } } as const;
  await t.throwsAsync(openCredentials(unknown, quickClock, never), {
    message: /"magic" of the kubeconfig is not known/,
  });
});
