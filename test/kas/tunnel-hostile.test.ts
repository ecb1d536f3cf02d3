import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { anyPack, StringValueSchema } from '@bufbuild/protobuf/wkt';
import test, { type ExecutionContext } from 'ava';
import { Authority } from '../core/kube/certificates.ts';
import { sharedCluster, waitFor } from '../support/cluster.ts';
import { writeKubeconfig } from '../support/control-plane/users.ts';
import { agentAt } from './tunnel-agent.ts';
import { type Asking, encode, type ServerTunnel, TunnelServer } from './tunnel-server.ts';

const authority = new Authority('cluster');
const certificate = authority.issue('api', ['IP:127.0.0.1']);
test.after.always(() => authority.remove());

/** An API server of the test's own, and a kubeconfig with a token for it. */
async function apiServer(
  t: ExecutionContext,
  handle: http.RequestListener,
): Promise<{ kubeconfig: string; server: https.Server }> {
  const server = https.createServer(certificate, handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(sharedCluster().dir, `mirror-${port}.kubeconfig`);
  const access = { url: `https://127.0.0.1:${port}`, ca: authority.ca.cert, token: 'agents-own' };
  writeKubeconfig(kubeconfig, access, 'agent');
  return { kubeconfig, server };
}

const mirror: http.RequestListener = (request, response) => {
  request.resume();
  const { method, url, rawHeaders } = request;
  request.on('end', () => response.end(JSON.stringify({ method, url, rawHeaders })));
};

async function mirrored(
  server: TunnelServer,
  asking: Asking,
): Promise<{ method: string; url: string; headers: string[] }> {
  const answer = await server.ask(asking);
  const { method, url, rawHeaders } = await answer.json();
  const headers: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2)
    headers.push(`${rawHeaders[index].toLowerCase()}: ${rawHeaders[index + 1]}`);
  return { method, url, headers };
}

test('only what is for the cluster gets there, with the credentials of the agent', async (t) => {
  const { kubeconfig } = await apiServer(t, mirror);
  const server = await TunnelServer.start(t);
  agentAt(t, server, { kubeconfig });
  const { method, url, headers } = await mirrored(server, {
    method: 'POST',
    path: '/api/v1/ä b/100%/?#[1]',
    query: [
      ['a', '1'],
      ['a', '2 &'],
      ['b=c', 'ü'],
    ],
    headers: [
      ['Accept', 'one'],
      ['Accept', 'two'],
      ['Authorization', 'Bearer stolen'],
      ['Cookie', 'a=b'],
      ['Connection', 'keep-alive, X-Secret'],
      ['X-Secret', '1'],
      ['Keep-Alive', '5'],
      ['Host', 'elsewhere'],
      ['Content-Length', '1000'],
      ['Transfer-Encoding', 'gzip'],
      ['TE', 'trailers'],
      ['Proxy-Authorization', 'x'],
      ['X-Remote-User', 'root'],
      ['X-Forwarded-For', '1.2.3.4'],
      ['Expect', '100-continue'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Protocol', 'v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0'],
      ['X-Mine', 'kept'],
    ],
    body: [Buffer.from('hello')],
    contentLength: 5,
  });
  t.is(method, 'POST');
  t.is(url, '/api/v1/%C3%A4%20b/100%25/%3F%23%5B1%5D?a=1&a=2+%26&b%3Dc=%C3%BC');
  t.deepEqual(headers.sort(), [
    'accept: one',
    'accept: two',
    'authorization: Bearer agents-own',
    'connection: keep-alive',
    'content-length: 5',
    `host: ${headers.find((line) => line.startsWith('host'))!.slice(6)}`,
    'sec-websocket-protocol: v4.channel.k8s.io',
    'x-mine: kept',
  ]);
  t.notRegex(headers.join(), /elsewhere/);
});

test('a body of unknown length goes in chunks, whatever the method; none stays none', async (t) => {
  const { kubeconfig } = await apiServer(t, mirror);
  const server = await TunnelServer.start(t);
  agentAt(t, server, { kubeconfig });
  for (const method of ['POST', 'DELETE', 'GET', 'PATCH']) {
    const body = [Buffer.from('a'), Buffer.from('b')];
    const chunked = await mirrored(server, { method, path: '/x', body, contentLength: -1 });
    t.true(chunked.headers.includes('transfer-encoding: chunked'), method);
    const none = await mirrored(server, { method, path: '/x' });
    t.false(
      none.headers.some((line) => /^transfer-encoding|^content-length: [1-9]/.test(line)),
      method,
    );
  }
});

test('who asks is who the server says, as Kubernetes is told', async (t) => {
  const { kubeconfig } = await apiServer(t, mirror);
  const server = await TunnelServer.start(t);
  agentAt(t, server, { kubeconfig });
  const { headers } = await mirrored(server, {
    path: '/x',
    impersonate: {
      username: 'gitlab:user:jörg',
      groups: ['gitlab:user', 'gitlab:project_role:1:developer'],
      uid: '7',
      extra: [{ key: 'agent.gitlab.com/id', val: ['1', '2'] }],
    },
  });
  t.deepEqual(headers.filter((line) => line.startsWith('impersonate')).sort(), [
    'impersonate-extra-agent.gitlab.com%2fid: 1',
    'impersonate-extra-agent.gitlab.com%2fid: 2',
    'impersonate-group: gitlab:project_role:1:developer',
    'impersonate-group: gitlab:user',
    'impersonate-uid: 7',
    `impersonate-user: ${Buffer.from('gitlab:user:jörg').toString('latin1')}`,
  ]);
  const real = await TunnelServer.start(t);
  agentAt(t, real);
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const answer = await real.ask({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    headers: [['Content-Type', 'application/json']],
    body: [Buffer.from(JSON.stringify(review))],
    impersonate: {
      username: 'somebody',
      groups: ['people'],
      extra: [{ key: 'agent.gitlab.com/id', val: ['1'] }],
    },
  });
  const { userInfo } = (await answer.json()).status;
  t.is(userInfo.username, 'somebody');
  t.deepEqual(userInfo.groups, ['people', 'system:authenticated']);
  t.deepEqual(userInfo.extra['agent.gitlab.com/id'], ['1']);
});

test('a token that has been exchanged is read again, and the request is made once more', async (t) => {
  let good = 'old';
  const { kubeconfig } = await apiServer(t, (request, response) => {
    if (request.headers.authorization === `Bearer ${good}`) return mirror(request, response);
    response.writeHead(401).end('{}');
  });
  const tokenFile = `${kubeconfig}.token`;
  writeFileSync(tokenFile, 'old');
  const text = readFileSync(kubeconfig, 'utf8');
  writeFileSync(kubeconfig, text.replace('token: agents-own', `tokenFile: ${tokenFile}`));
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server, { kubeconfig });
  t.is((await mirrored(server, { path: '/x' })).url, '/x');
  good = 'new';
  writeFileSync(tokenFile, 'new');
  t.is((await mirrored(server, { path: '/y' })).url, '/y');
  good = 'lost';
  const refused = await server.ask({ path: '/z' });
  t.is(refused.status, 401);
  await refused.bytes();
  t.deepEqual(agent.statuses, [200, 200, 401]);
});

const REFUSED: [what: string, asking: Asking, why: RegExp][] = [
  ['..', { path: '/api/../secrets' }, /segment/],
  ['. at the end', { path: '/api/.' }, /segment/],
  ['encoded dots', { path: '/api/%2E%2e/secrets' }, /segment/],
  ['one encoded dot', { path: '/api/.%2e/x' }, /segment/],
  ['an encoded slash', { path: '/api/a%2Fb' }, /encoded slash/],
  ['an encoded backslash', { path: '/api/a%5cb' }, /encoded slash/],
  ['a backslash', { path: '/api\\x' }, /backslash/],
  ['a line feed', { path: '/api\nx' }, /control/],
  ['an absolute URL', { path: 'http://elsewhere/api' }, /begin with one slash/],
  ['another host', { path: '//elsewhere/api' }, /begin with one slash/],
  ['nothing', { path: '' }, /begin with one slash/],
  ['a method that is none', { path: '/x', method: 'GET /y HTTP/1.1\r\nX:' }, /method/],
  ['CONNECT', { path: '/x', method: 'CONNECT' }, /method/],
  ['no method', { path: '/x', method: '' }, /method/],
  ['a header with a line feed', { path: '/x', headers: [['X-A', 'b\r\nAuthorization: c']] }, /header/],
  ['a name of a header with a colon', { path: '/x', headers: [['X:A', 'b']] }, /header/],
  [
    'an upgrade with a line feed',
    {
      path: '/x',
      headers: [
        ['Connection', 'upgrade'],
        ['Upgrade', 'a\r\nb'],
      ],
    },
    /header/,
  ],
  ['impersonation by a header', { path: '/x', headers: [['Impersonate-User', 'root']] }, /not for people/],
  ['nobody', { path: '/x', impersonate: { username: '', groups: ['system:masters'] } }, /without a name/],
  ['a name with a line feed', { path: '/x', impersonate: { username: 'a\r\nb' } }, /no header can hold/],
  [
    'something else beside it',
    { path: '/x', extra: anyPack(StringValueSchema, create(StringValueSchema, { value: 'x' })) },
    /more than this agent understands/,
  ],
  [
    'no message beside it',
    {
      path: '/x',
      extra: {
        typeUrl: 'type.googleapis.com/gitlab.agent.kubernetes_api.rpc.HeaderExtra',
        value: new Uint8Array([0xff, 0xff]),
      },
    },
    /no message/,
  ],
  ['headers of 100 KiB', { path: '/x', headers: [['X-A', 'a'.repeat(100_000)]] }, /longer than/],
  ['a negative length', { path: '/x', contentLength: -2 }, /negative/],
];

test('tricks with paths, methods, headers and names are refused, and others are served', async (t) => {
  let reached = 0;
  const { kubeconfig } = await apiServer(t, (request, response) => {
    reached += 1;
    mirror(request, response);
  });
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server, { kubeconfig });
  for (const [what, asking, why] of REFUSED)
    await t.throwsAsync(server.ask(asking), { code: 3, message: why } as never, what);
  t.is(reached, 0);
  t.is((await mirrored(server, { path: '/x' })).url, '/x');
  t.false(
    agent.lines.some((line) => /"level":"(?:warn|error)"/.test(line)),
    agent.lines.join(''),
  );
});

const header = encode({
  case: 'header',
  value: { request: { method: 'POST', urlPath: '/x' }, contentLength: 5n },
});
const data = (text: string) => encode({ case: 'data', value: { data: Buffer.from(text) } });
const trailer = encode({ case: 'trailer', value: {} });
const upgradeData = encode({ case: 'upgradeData', value: { data: Buffer.from('x') } });
const said = (...messages: Uint8Array[]) =>
  messages.map((bytes) => ({ case: 'message', value: { data: bytes } }) as const);

const DISORDER: [what: string, messages: Parameters<ServerTunnel['say']>[0][]][] = [
  ['a message without a call', said(header)],
  ['an end without a call', [{ case: 'closeSend', value: {} }]],
  ['nothing at all', [{ case: undefined } as never]],
  ...(
    [
      ['two calls', [{ case: 'requestInfo', value: { methodName: 'x' } }]],
      ['data first', said(data('hello'))],
      ['the trailer first', said(trailer)],
      ['two headers', said(header, header)],
      ['upgraded data before the trailer', said(header, upgradeData)],
      ['an empty message', said(new Uint8Array())],
      ['no protobuf', said(new Uint8Array([0xff, 0xff, 0xff]))],
      ['an end after the header', [...said(header), { case: 'closeSend', value: {} }]],
      ['an end after half a body', [...said(header, data('he')), { case: 'closeSend', value: {} }]],
      ['less of a body than it says', said(header, data('he'), trailer)],
      ['no body though it says one', said(header, trailer)],
      ['more of a body than it says', said(header, data('hello'), data(' GET /y HTTP/1.1'), trailer)],
      ['a message of 5 MiB', said(header, data('x'.repeat(5 * 2 ** 20)))],
    ] as [string, Parameters<ServerTunnel['say']>[0][]][]
  ).map(([what, messages]): [string, Parameters<ServerTunnel['say']>[0][]] => [
    what,
    [
      {
        case: 'requestInfo',
        value: { methodName: '/gitlab.agent.kubernetes_api.rpc.KubernetesApi/MakeRequest' },
      },
      ...messages,
    ],
  ]),
];

for (const [what, messages] of DISORDER)
  test(`out of order: ${what}`, async (t) => {
    let complete = 0;
    const { kubeconfig } = await apiServer(t, (request, response) => {
      request.on('end', () => {
        complete += 1;
        response.end();
      });
      request.resume();
    });
    const server = await TunnelServer.start(t);
    const agent = agentAt(t, server, { kubeconfig });
    const tunnel = await server.take();
    void (async () => {
      for (const message of messages) await tunnel.say(message);
    })().catch(() => {});
    for (
      let heard = await tunnel.hear().catch(() => undefined);
      heard;
      heard = await tunnel.hear().catch(() => undefined)
    )
      if (heard.case === 'message') t.fail('there is an answer');
    await waitFor(() => agent.lines.some((line) => line.includes('A tunnel was given up')), {
      what: 'the log',
    });
    t.is(agent.lines.filter((line) => line.includes('"level":"warn"')).length, 1);
    t.is(complete, 0);
    const other = await server.ask({ path: '/' });
    t.is(other.status, 200);
    await other.bytes();
  });

test('a method that nobody knows is UNIMPLEMENTED', async (t) => {
  const server = await TunnelServer.start(t);
  agentAt(t, server);
  const tunnel = await server.take();
  t.deepEqual(
    tunnel.descriptor.agentDescriptor!.services.map(({ name, methods }) => [
      name,
      methods.map((one) => one.name),
    ]),
    [['gitlab.agent.kubernetes_api.rpc.KubernetesApi', ['MakeRequest']]],
  );
  await tunnel.call('/a.B/C');
  const heard = await tunnel.hear();
  t.is(heard?.case === 'error' && heard.value.status?.code, 12);
  t.is(await tunnel.hear(), undefined);
});

test('an answer that is cut off does not look whole; an API server that is away is told of', async (t) => {
  const { kubeconfig, server: api } = await apiServer(t, (request, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('half', () => request.url === '/cut' && request.socket.destroy());
  });
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server, { kubeconfig });
  const half = await server.ask({ path: '/cut' });
  await t.throwsAsync(half.bytes(), {
    code: 14,
    message: /the answer was cut off: .* closed the connection/,
  } as never);
  const open = await server.ask({ path: '/open' });
  await waitFor(() => agent.counts.busy === 1, { what: 'one to be under way' });
  api.close();
  api.closeAllConnections();
  await t.throwsAsync(open.bytes(), { code: 14 } as never);
  await t.throwsAsync(server.ask({ path: '/' }), { code: 14, message: /nothing listens at https/ } as never);
  t.false(
    agent.lines.some((line) => /"level":"(?:warn|error)"/.test(line)),
    agent.lines.join(''),
  );
});

test('an upgraded connection: what comes with the answer, half an end, and a caller who leaves while nobody reads', async (t) => {
  const { kubeconfig, server: api } = await apiServer(t, mirror);
  const sockets: Socket[] = [];
  api.on('upgrade', (request, socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-A: b\r\n\r\nfirst');
    if (request.url === '/deaf') socket.pause();
    else socket.on('data', (chunk: Buffer) => socket.write(chunk)).on('end', () => socket.end('bye'));
  });
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server, { kubeconfig });
  const headers: [string, string][] = [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'SPDY/3.1'],
  ];
  const answer = await server.ask({ method: 'POST', path: '/echo', headers });
  t.is(answer.status, 101);
  t.is(answer.headers.get('upgrade'), 'SPDY/3.1');
  t.is(answer.headers.get('x-a'), 'b');
  t.is((await answer.next())?.case, 'trailer');
  const heard: Buffer[] = [];
  await answer.tunnel.ask({ case: 'upgradeData', value: { data: Buffer.from(' echo ') } });
  await answer.tunnel.say({ case: 'closeSend', value: {} });
  for (let message = await answer.next(); message; message = await answer.next())
    if (message.case === 'upgradeData') heard.push(Buffer.from(message.value.data));
  t.is(Buffer.concat(heard).toString(), 'first echo bye');

  const deaf = await server.ask({ method: 'POST', path: '/deaf', headers });
  t.is((await deaf.next())?.case, 'trailer');
  let sent = 0;
  // Of zeros, gzip would make nothing.
  const noise = randomBytes(1_000_000);
  const flood = (async () => {
    for (; sent < 200; sent += 1) await deaf.tunnel.ask({ case: 'upgradeData', value: { data: noise } });
  })();
  flood.catch(() => {});
  let before = -1;
  await waitFor(
    () => {
      const stands = sent === before && sent > 0;
      before = sent;
      return stands;
    },
    { what: 'nothing more to be taken' },
  );
  t.true(sent < 30);
  const gone = once(sockets[1]!, 'close');
  server.reset();
  // It sees the end only when it reads.
  sockets[1]!.resume();
  await gone;
  await waitFor(() => agent.counts.busy === 0, { what: 'the call to end' });

  const refused = await server.ask({
    path: '/nothing',
    headers: [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'x'],
    ],
  });
  t.is(refused.status, 101);
  refused.tunnel.cancel();
});
