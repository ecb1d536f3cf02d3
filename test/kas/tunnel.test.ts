import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { keepTunnels, type TunnelsOptions } from '../../agent/kas/tunnel/keep-tunnels.ts';
import { MAKE_REQUEST, makeRequest } from '../../agent/kas/tunnel/make-request.ts';
import { Log } from '../../core/daemon/log.ts';
import { ApiRelay } from '../../core/kube/api-relay.ts';
import { realClock } from '../../core/kube/clock.ts';
import { loadConnection } from '../../core/kube/load-connection.ts';
import { kubectl, namespace, sharedCluster, waitFor } from '../support/cluster.ts';
import { writeKubeconfig } from '../support/control-plane/users.ts';
import { reach } from './ground.ts';
import { tunnelFront } from './tunnel-front.ts';
import { TunnelServer } from './tunnel-server.ts';

interface Agent {
  lines: string[];
  statuses: number[];
  counts: { idle: number; busy: number };
  ended: Promise<void>;
  end: () => void;
}

function agentAt(
  t: ExecutionContext,
  server: TunnelServer,
  {
    address = `grpc://127.0.0.1:${server.port}`,
    kubeconfig = sharedCluster().kubeconfig,
    ...more
  }: {
    address?: string;
    kubeconfig?: string;
    idleTimeout?: number;
  } = {},
): Agent {
  const kas = reach(t, { address, token: 'token' });
  const lines: string[] = [];
  const log = new Log({ write: (line) => lines.push(line), level: 'debug', now: () => new Date() });
  const ending = new AbortController();
  const connection = loadConnection({ kubeconfig }, { env: {}, homedir: '/' });
  const api = new ApiRelay(connection, { clock: realClock, signal: ending.signal, maxIdle: 500 });
  const agent: Agent = {
    lines,
    statuses: [],
    counts: { idle: 0, busy: 0 },
    end: () => ending.abort(),
    ended: Promise.resolve(),
  };
  const options: TunnelsOptions = {
    kas,
    address,
    methods: new Map([
      [MAKE_REQUEST, makeRequest({ api, log, onAnswer: (status) => agent.statuses.push(status) })],
    ]),
    random: Math.random,
    log,
    signal: ending.signal,
    onChange: (counts) => {
      agent.counts = counts;
    },
    ...more,
  };
  agent.ended = keepTunnels(options);
  t.teardown(async () => {
    ending.abort();
    await agent.ended;
    api.close();
  });
  return agent;
}

for (const scheme of ['grpc', 'ws'])
  test(`requests through ${scheme}: get, list, apply, 404`, async (t) => {
    const server = await TunnelServer.start(t);
    const agent = agentAt(t, server, { address: `${scheme}://127.0.0.1:${server.port}` });
    const space = await namespace(t);
    const got = await server.ask({ path: `/api/v1/namespaces/${space}` });
    t.is(got.status, 200);
    t.is(got.headers.get('content-type'), 'application/json');
    t.is((await got.json()).metadata.name, space);

    const manifest = Buffer.from(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'shop' },
        data: { text: 'ü'.repeat(200_000) },
      }),
    );
    const pieces = [manifest.subarray(0, 7), manifest.subarray(7, 300_000), manifest.subarray(300_000)];
    const path = `/api/v1/namespaces/${space}/configmaps/shop`;
    const applied = await server.ask({
      method: 'PATCH',
      path,
      query: [
        ['fieldManager', 'a & b'],
        ['force', 'true'],
      ],
      headers: [['Content-Type', 'application/apply-patch+yaml']],
      contentLength: manifest.length,
      body: pieces,
    });
    t.is(applied.status, 201);
    t.is((await applied.json()).metadata.managedFields[0].manager, 'a & b');
    const again = await server.ask({
      method: 'PATCH',
      path,
      query: [['fieldManager', 'a & b']],
      headers: [['Content-Type', 'application/apply-patch+yaml']],
      body: pieces,
    });
    t.is(again.status, 200);
    await again.bytes();

    const gone = await server.ask({ method: 'DELETE', path, contentLength: 0 });
    t.is(gone.status, 200);
    await gone.bytes();
    const missing = await server.ask({ path });
    t.is(missing.status, 404);
    t.is((await missing.json()).reason, 'NotFound');
    t.deepEqual(agent.statuses, [200, 201, 200, 200, 404]);
    t.false(agent.lines.some((line) => line.includes('a & b')));
  });

test('kubectl through tunnels: version, get', async (t) => {
  const server = await TunnelServer.start(t);
  agentAt(t, server);
  const url = await tunnelFront(t, server);
  const kubeconfig = `${sharedCluster().dir}/front-${new URL(url).port}.kubeconfig`;
  writeKubeconfig(kubeconfig, { url, ca: '', token: 'x' }, 'front');
  const { stdout } = await kubectl(['get', 'nodes', '-o', 'name'], { kubeconfig });
  t.regex(stdout, /node-1/);
});
void once;
void waitFor;
