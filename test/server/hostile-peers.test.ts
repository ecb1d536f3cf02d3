import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { ground, reach, sourcesOf, Told } from '../kas/ground.ts';

/** One gRPC call with bytes of the test's own; the status it ends with. */
async function call(
  session: http2.ClientHttp2Session,
  path: string,
  body: Buffer,
  headers: http2.OutgoingHttpHeaders = {},
): Promise<string> {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => {});
  const said: http2.IncomingHttpHeaders = {};
  for (const event of ['response', 'trailers'] as const)
    stream.on(event, (more: http2.IncomingHttpHeaders) => Object.assign(said, more));
  stream.end(body);
  stream.resume();
  await once(stream, 'close');
  return `${said[':status'] ?? 'none'} ${said['grpc-status'] ?? `rst ${stream.rstCode}`}`;
}

function framed(message: Buffer, flags = 0, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

async function session(t: ExecutionContext, port: number): Promise<http2.ClientHttp2Session> {
  const made = http2.connect(`http://127.0.0.1:${port}`);
  made.on('error', () => {});
  t.teardown(() => made.destroy());
  await once(made, 'connect');
  return made;
}

test('messages that are broken, too large or bombs are refused, and others are served all the while', async (t) => {
  const { config, server, token } = await ground(t);
  const commit = await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
  const authorization = `Bearer ${token}`;
  const peer = await session(t, server.port);
  const path = '/gitlab.agent.agent_configuration.rpc.AgentConfiguration/GetConfiguration';
  const gzip = { authorization, 'grpc-encoding': 'gzip' };
  const zeros = Buffer.alloc(64 * 2 ** 20);
  const cases: [string, Promise<string>, string][] = [
    ['no such method', call(peer, '/a.B/C', framed(Buffer.alloc(0)), { authorization }), '200 12'],
    ['a path that is none', call(peer, '/../..//%2f', framed(Buffer.alloc(0)), { authorization }), '200 12'],
    ['no gRPC', call(peer, path, Buffer.from('{}'), { 'content-type': 'text/html' }), '415 rst 0'],
    ['no message', call(peer, path, Buffer.alloc(0), { authorization }), '200 12'],
    ['no protobuf', call(peer, path, framed(Buffer.from([0xff, 0xff])), { authorization }), '200 13'],
    [
      'two messages',
      call(peer, path, Buffer.concat([framed(Buffer.alloc(0)), framed(Buffer.alloc(0))]), { authorization }),
      '200 12',
    ],
    [
      'a message of 4 GiB, as it says',
      call(peer, path, framed(Buffer.alloc(10), 0, 0xffffffff), { authorization }),
      '200 8',
    ],
    ['a message of 5 MiB', call(peer, path, framed(Buffer.alloc(5 * 2 ** 20)), { authorization }), '200 8'],
    ['a bomb', call(peer, path, framed(gzipSync(zeros), 1), gzip), '200 8'],
    [
      'compressed and not said',
      call(peer, path, framed(gzipSync(Buffer.alloc(9)), 1), { authorization }),
      '200 13',
    ],
    ['no gzip in it', call(peer, path, framed(Buffer.from('plain'), 1), gzip), '200 3'],
    [
      'another compression',
      call(peer, path, framed(Buffer.alloc(0)), { ...gzip, 'grpc-encoding': 'br' }),
      '200 12',
    ],
    [
      'a duplicate authorization',
      call(peer, path, framed(Buffer.alloc(0)), { authorization: `${authorization}, ${authorization}` }),
      '200 16',
    ],
  ];
  for (const [name, answer, wanted] of cases) t.is(await answer, wanted, name);
  const sources = await sourcesOf(t, reach(t, { address: `grpc://127.0.0.1:${server.port}`, token }));
  await new Told(t, sources.configuration).commit(commit);
  t.deepEqual(
    server.lines.filter(({ msg }) => msg === 'Unexpected'),
    [],
  );
  t.deepEqual(server.noise, []);
});

test('who does not speak the protocol is told so or sent away', async (t) => {
  const { server } = await ground(t);
  const { port } = server;
  const plain = await fetch(`http://127.0.0.1:${port}/`);
  t.is(plain.status, 426);
  t.is(plain.headers.get('upgrade'), 'websocket');
  for (const [offered, code, reason] of [
    [['other'], 1002, 'Expecting "ws-tunnel" subprotocol, got "other"'],
    [[], 1002, 'Expecting "ws-tunnel" subprotocol, got ""'],
  ] as const) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/x`, [...offered]);
    socket.on('error', () => {});
    const [closed, why] = await new Promise<[number, Buffer]>((resolve) =>
      socket.on('close', (...end) => resolve(end)),
    );
    // A client that offered something refuses an answer without it before it reads the reason.
    if (offered.length === 0) t.deepEqual([closed, String(why)], [code, reason]);
    else t.true(closed === code || closed === 1006);
  }
  const chatty = new WebSocket(`ws://127.0.0.1:${port}/`, 'ws-tunnel');
  chatty.on('error', () => {});
  await once(chatty, 'open');
  chatty.send('hello');
  await new Promise((resolve) => chatty.on('close', resolve));
  const raw = net.connect(port, '127.0.0.1');
  raw.on('error', () => {});
  raw.end('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand now for something else');
  raw.resume();
  await new Promise((resolve) => raw.on('close', resolve));
  const huge = http.get({ port, host: '127.0.0.1', headers: { x: 'y'.repeat(100_000) } });
  // The answer may be overtaken by the end of the connection.
  const status = await new Promise((resolve) => {
    huge.on('response', (response) => resolve(response.resume().statusCode));
    huge.on('error', () => resolve(431));
  });
  t.is(status, 431);
  t.deepEqual(server.noise, []);
});

test('a peer that sends PINGs without end is sent away', async (t) => {
  const { server } = await ground(t);
  const peer = await session(t, server.port);
  const [code] = await Promise.race([
    once(peer, 'goaway'),
    (async () => {
      while (!peer.destroyed) await new Promise((resolve) => peer.ping(resolve) || resolve(undefined));
      return [http2.constants.NGHTTP2_ENHANCE_YOUR_CALM];
    })(),
  ]);
  t.is(code, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
});

test('one that measures the network by a PING for each answer, as Go clients do, stays', async (t) => {
  const { server } = await ground(t);
  const peer = await session(t, server.port);
  for (let call = 0; call < 12; call += 1) {
    const stream = peer.request({
      ':method': 'POST',
      ':path': '/gitlab.agent.none.rpc.None/None',
      'content-type': 'application/grpc',
    });
    stream.end();
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    t.is(headers['grpc-status'], '12');
    stream.resume();
    await new Promise((resolve) => peer.ping(resolve));
  }
  t.false(peer.destroyed);
});
