/** Who has shown no token yet costs next to nothing, and not for long. */
import { once } from 'node:events';
import http2 from 'node:http2';
import { createClient } from '@connectrpc/connect';
import test from 'ava';
import { AgentRegistrar } from '../../core/grpc/generated/agent_registrar_pb.ts';
import { ground, meta, reach } from '../kas/ground.ts';
import type { AgentServer } from '../support/agent-server.ts';
import { waitFor } from '../support/control-plane/wait.ts';
import { sendRaw } from './raw.ts';

async function figure(server: AgentServer, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await server.get('/metrics'))?.[1]);
}

test('of a call without a good token no message is received', async (t) => {
  const { server } = await ground(t);
  const before = await figure(server, 'process_resident_memory_bytes');
  const peer = http2.connect(`http://127.0.0.1:${server.port}`, { maxSessionMemory: 1_000 });
  t.teardown(() => peer.destroy());
  await once(peer, 'connect');
  const head = Buffer.alloc(5);
  head.writeUInt32BE(4_000_000, 1);
  const calls = Array.from({ length: 100 }, async () => {
    const stream = peer.request({
      ':method': 'POST',
      ':path': '/gitlab.agent.agent_registrar.rpc.AgentRegistrar/Register',
      'content-type': 'application/grpc',
      authorization: 'Bearer wrong',
    });
    stream.on('error', () => {});
    // All but the end of it.
    stream.write(Buffer.concat([head, Buffer.alloc(3_900_000)]));
    const said: http2.IncomingHttpHeaders = {};
    for (const event of ['response', 'trailers'] as const)
      stream.on(event, (more: http2.IncomingHttpHeaders) => Object.assign(said, more));
    stream.resume();
    await once(stream, 'close');
    return `${said['grpc-status']} ${stream.rstCode}`;
  });
  const statuses = new Set(await Promise.all(calls));
  t.deepEqual([...statuses].sort(), ['16 0']);
  t.true((await figure(server, 'process_resident_memory_bytes')) - before < 100 * 2 ** 20);
  await server.said('Call failed', { code: 'Unauthenticated' });
});

test('half a request does not hold a connection', async (t) => {
  const { server } = await ground(t);
  const startedAt = performance.now();
  const halves = ['GET / HTTP/1.1\r\nX: y', 'PRI * HT', ''];
  const ends = await Promise.all(halves.map((bytes) => sendRaw(server.port, bytes)));
  t.true(ends.every(({ isClosed }) => isClosed));
  t.true(performance.now() - startedAt < 15_000);
});

test('a Pod takes the place of none of another agent, and an agent has no end of Pods', async (t) => {
  const { server, token } = await ground(t);
  const other = server.createToken('other', 'group/agents');
  const [one, two] = [token, other].map((value) =>
    createClient(
      AgentRegistrar,
      reach(t, { address: `grpc://127.0.0.1:${server.port}`, token: value }).transport,
    ),
  );
  await one!.register({ agentMeta: meta, podId: 7n });
  await two!.register({ agentMeta: meta, podId: 7n });
  const { agents } = JSON.parse(await server.get('/agents'));
  t.deepEqual(
    agents.map((agent: { agent_id: string; connection_id: string }) => [agent.agent_id, agent.connection_id]),
    [
      ['1', '7'],
      ['2', '7'],
    ],
  );
  for (let first = 0; first < 1_200; first += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        two!.register({ agentMeta: meta, podId: BigInt(first + index) }),
      ),
    );
  t.is(await figure(server, 'gitlab_agent_server_connected_agent_pods'), 1_001);
});

test('after a thousand hostile connections nothing of them is left', async (t) => {
  const { server } = await ground(t, { kubernetesApi: '' });
  const ports = [server.port, Number(new URL(server.kubernetesUrl).port)];
  const before = await figure(server, 'process_open_fds');
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  const websocket = [
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ws-tunnel\r\n\r\n',
  ].join('\r\n');
  const settings = '\0\0\0\x04\0\0\0\0\0';
  const bytes = [
    '\x16\x03\x01\0\x05hello',
    `${preface}nonsense of nine and more`,
    `${preface}${settings}\xff\xff\xff\x01\x05\0\0\0\x01${'x'.repeat(100)}`,
    `${preface}${settings}\0\0\x04\x09\x04\0\0\0\x01abcd`,
    `${websocket}\x81\x85\x01\x02\x03\x04hello`,
    `${websocket}nonsense that is no frame at all`,
    'GET /k8s-proxy/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'nonsense\r\n\r\n',
  ];
  for (let round = 0; round < 1_000 / (bytes.length * ports.length); round += 1)
    await Promise.all(ports.flatMap((port) => bytes.map((sent) => sendRaw(port, sent, (got) => got !== ''))));
  await waitFor(async () => (await figure(server, 'process_open_fds')) <= before + 2, {
    what: 'the sockets to be closed',
  });
  t.deepEqual(server.noise, []);
  t.deepEqual(
    server.lines.filter(({ msg }) => msg === 'Unexpected'),
    [],
  );
});
