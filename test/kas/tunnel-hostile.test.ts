import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import test from 'ava';
import { waitFor } from '../support/cluster.ts';
import { apiServer, mirror } from './mirror.ts';
import { agentAt } from './tunnel-agent.ts';
import { encode, type ServerTunnel, TunnelServer } from './tunnel-server.ts';

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
});

test('readers that stop make the API server stop, and others are served', async (t) => {
  const noise = randomBytes(64 * 1024);
  let sent = 0;
  const { kubeconfig } = await apiServer(t, (request, response) => {
    if (request.url !== '/endless') return void response.end('ok');
    const endless = new Readable({
      read() {
        sent += noise.length;
        this.push(noise);
      },
    });
    pipeline(endless, response, () => {});
  });
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server, { kubeconfig });
  const stopped = await Promise.all(Array.from({ length: 10 }, () => server.ask({ path: '/endless' })));
  let before = -1;
  await waitFor(
    () => {
      const stands = sent === before;
      before = sent;
      return stands;
    },
    { what: 'nothing more to be taken' },
  );
  // Of each: a window of 1 MiB, and what the system holds for two sockets.
  t.true(sent < 10 * 16e6, `${sent}`);
  const other = await server.ask({ path: '/' });
  t.is((await other.bytes()).toString(), 'ok');
  const [first] = stopped;
  let read = 0;
  for await (const data of first!.body()) {
    read += data.length;
    if (read > 20e6) break;
  }
  server.reset();
  await waitFor(() => agent.counts.busy === 0, { what: 'all to end' });
});
