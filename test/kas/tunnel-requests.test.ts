import { readFileSync, writeFileSync } from 'node:fs';
import { create } from '@bufbuild/protobuf';
import { anyPack, StringValueSchema } from '@bufbuild/protobuf/wkt';
import test from 'ava';
import { apiServer, mirror, mirrored } from './mirror.ts';
import { agentAt } from './tunnel-agent.ts';
import { type Asking, TunnelServer } from './tunnel-server.ts';

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

const upgrade = (protocol: string): [string, string][] => [
  ['Connection', 'upgrade'],
  ['Upgrade', protocol],
];

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
  ['an upgrade to HTTP/2', { path: '/x', headers: upgrade('h2c') }, /websocket and SPDY/],
  [
    'an upgrade to nothing known',
    { path: '/x', headers: upgrade('websocket\r\nX-A: b') },
    /websocket and SPDY/,
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
