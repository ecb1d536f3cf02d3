import type { TLSSocket } from 'node:tls';
import test from 'ava';
import type { Connection } from '../../../core/kube/connection.ts';
import { Authority } from './certificates.ts';
import { connectionTo, transportTo } from './connections.ts';
import { type Handler, httpProxy, json, type Listening, serve, socksProxy } from './servers.ts';

const authority = new Authority();
const stranger = new Authority('another authority');
const good = authority.issue('server', ['DNS:localhost', 'IP:127.0.0.1']);
const named = authority.issue('server', ['DNS:kubernetes.default']);
const expired = authority.issue('server', ['IP:127.0.0.1'], 0);
const user = authority.issue('jane');
test.after.always(() => {
  authority.remove();
  stranger.remove();
});

const trusted = { ca: Buffer.from(authority.ca.cert), insecure: false };
const whoAmI: Handler = (request, _body, response) => {
  const { subject } = (request.socket as TLSSocket).getPeerCertificate?.() ?? {};
  json(response, 200, {
    user: subject?.CN ?? '',
    resumed: (request.socket as TLSSocket).isSessionReused?.() ?? false,
  });
};

async function ask(server: string, more: Partial<Connection>): Promise<Record<string, unknown>> {
  const transport = transportTo(connectionTo(server, more));
  const sent = await transport.send({ method: 'GET', path: '/x', repeatable: true });
  transport.close();
  return sent.ok ? { ok: true, ...(sent.body as object) } : { ...sent.failure };
}

test('a trusted certificate, a client certificate, an insecure connection, another name', async (t) => {
  await using server = await serve(whoAmI, { ...good, ca: authority.ca.cert });
  await using other = await serve(whoAmI, named);
  t.like(await ask(server.url, { tls: trusted }), { ok: true, user: '' });
  const pair = { cert: Buffer.from(user.cert), key: Buffer.from(user.key) };
  t.like(await ask(server.url, { tls: { ...trusted, ...pair } }), { ok: true, user: 'jane' });
  t.like(await ask(server.url, { tls: { insecure: true } }), { ok: true });
  t.like(await ask(other.url, { tls: { ...trusted, serverName: 'kubernetes.default' } }), { ok: true });
});

const REFUSED: [string, () => Promise<Listening>, Connection['tls'], string, RegExp][] = [
  ['an expired certificate', () => serve(whoAmI, expired), trusted, 'CertificateExpired', /has expired/],
  [
    'an unknown authority',
    () => serve(whoAmI, good),
    { ca: Buffer.from(stranger.ca.cert), insecure: false },
    'UnknownAuthority',
    /not trusted/,
  ],
  ['no authority given', () => serve(whoAmI, good), { insecure: false }, 'UnknownAuthority', /not trusted/],
  [
    'another host',
    () => serve(whoAmI, named),
    trusted,
    'HostnameMismatch',
    /for another host \(it is for DNS:kubernetes\.default\)/,
  ],
  ['a plain HTTP port', () => serve(whoAmI), trusted, 'PlainHttp', /plain HTTP port/],
];

for (const [name, start, tls, reason, message] of REFUSED) {
  test(`told by name: ${name}`, async (t) => {
    await using server = await start();
    const failure = await ask(server.url.replace(/^http:/, 'https:'), { tls });
    t.like(failure, { status: 0, reason });
    t.regex(failure.message as string, message);
  });
}

test('a thousand requests take as many connections as there are at once, and no more', async (t) => {
  await using server = await serve(whoAmI, good);
  const transport = transportTo(connectionTo(server.url, { tls: trusted }), { maxConcurrency: 8 });
  const requests = Array.from({ length: 1000 }, () =>
    transport.send({ method: 'GET', path: '/x', repeatable: true }),
  );
  t.true((await Promise.all(requests)).every((sent) => sent.ok));
  t.true(server.connections() <= 8, String(server.connections()));
  transport.close();
});

const PROXIES: [string, (seen: string[]) => Promise<Listening>, string, string][] = [
  ['an HTTP proxy', (seen) => httpProxy(seen), '', 'CONNECT localhost:PORT'],
  [
    'an HTTP proxy with a password',
    (seen) => httpProxy(seen, 'jo:p@ss'),
    'jo:p%40ss@',
    'CONNECT localhost:PORT',
  ],
  ['an HTTPS proxy', (seen) => httpProxy(seen, undefined, good), '', 'CONNECT localhost:PORT'],
  ['a SOCKS5 proxy', (seen) => socksProxy(seen), '', 'name localhost:PORT'],
  [
    'a SOCKS5 proxy with a password',
    (seen) => socksProxy(seen, 'jo:p@ss'),
    'jo:p%40ss@',
    'name localhost:PORT',
  ],
];

for (const [name, start, login, expected] of PROXIES) {
  test(`goes through ${name}, with few connections`, async (t) => {
    const seen: string[] = [];
    await using server = await serve(whoAmI, good);
    await using proxy = await start(seen);
    const url = new URL(proxy.url.replace('://', `://${login}`));
    // The proxy resolves the name, as with Go.
    const connection = connectionTo(`https://localhost:${server.port}`, { tls: trusted, proxy: url });
    const transport = transportTo(connection, { maxConcurrency: 3 });
    const requests = Array.from({ length: 50 }, () =>
      transport.send({ method: 'GET', path: '/x', repeatable: true }),
    );
    const sent = await Promise.all(requests);
    transport.close();
    t.true(
      sent.every((one) => one.ok),
      JSON.stringify(sent[0]),
    );
    t.deepEqual([...new Set(seen)], [expected.replace('PORT', String(server.port))]);
    t.true(seen.length <= 3);
  });
}

test('plain HTTP goes through an HTTP proxy as it is, and through SOCKS', async (t) => {
  const seen: string[] = [];
  await using server = await serve(whoAmI);
  await using proxy = await httpProxy(seen, 'jo:secret');
  await using socks = await socksProxy(seen);
  const login = new URL(proxy.url.replace('://', '://jo:secret@'));
  t.like(await ask(`${server.url}/prefix`, { proxy: login }), { ok: true });
  t.like(await ask(server.url, { proxy: new URL(socks.url) }), { ok: true });
  t.deepEqual(seen, [`GET ${server.url}/prefix/x`, `address 127.0.0.1:${server.port}`]);
});

test('a proxy that refuses, or is not there, is named without its password', async (t) => {
  await using server = await serve(whoAmI, good);
  await using proxy = await httpProxy([], 'jo:other');
  await using socks = await socksProxy([], 'jo:other');
  const wrong = (url: string) => new URL(url.replace('://', '://jo:PLANTED@'));
  const cases: [URL, string][] = [
    [wrong(proxy.url), 'ProxyLogin'],
    [wrong(socks.url), 'ProxyFailed'],
    [wrong('http://127.0.0.1:1'), 'ProxyFailed'],
    [wrong('socks5://127.0.0.1:1'), 'ProxyFailed'],
  ];
  for (const [url, reason] of cases) {
    const failure = await ask(server.url, { tls: trusted, proxy: url });
    t.like(failure, { status: 0, reason });
    t.notRegex(JSON.stringify(failure), /PLANTED/);
    t.regex(failure.message as string, new RegExp(`the proxy 127\\.0\\.0\\.1:${url.port} `));
  }
});
