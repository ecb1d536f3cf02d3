import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import {
  accessOf,
  apiCall,
  followKubectl,
  kubectl,
  namespace,
  sharedCluster,
  waitFor,
} from '../support/cluster.ts';
import { writeKubeconfig } from '../support/control-plane/users.ts';
import { Kubelet } from '../support/kubelet.ts';
import { agentAt } from './tunnel-agent.ts';
import { tunnelFront } from './tunnel-front.ts';
import { TunnelServer } from './tunnel-server.ts';

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

test('a watch goes on for as long as it is wanted, and ends at the API server when it is not', async (t) => {
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server);
  const space = await namespace(t);
  const path = `/api/v1/namespaces/${space}/configmaps`;
  const watch = await server.ask({ path, query: [['watch', 'true']] });
  const seen: string[] = [];
  const read = (async () => {
    for await (const data of watch.body()) seen.push(Buffer.from(data).toString());
  })();
  read.catch(() => {});
  const body = [Buffer.from(JSON.stringify({ metadata: { name: 'late' } }))];
  const headers: [string, string][] = [['Content-Type', 'application/json']];
  const made = await server.ask({ method: 'POST', path, headers, body });
  t.is(made.status, 201);
  await made.bytes();
  await waitFor(() => seen.join('').includes('"name":"late"'), { what: 'the event' });
  await waitFor(() => agent.counts.busy === 1, { what: 'the other call to end' });
  watch.tunnel.cancel();
  await t.throwsAsync(read);
  await waitFor(() => agent.counts.busy === 0, { what: 'the watch to end' });
  t.deepEqual(agent.statuses.sort(), [200, 201]);
});

test('10 MB arrive whole', async (t) => {
  const server = await TunnelServer.start(t);
  agentAt(t, server);
  const space = await namespace(t);
  const admin = accessOf(sharedCluster());
  const text = 'x'.repeat(250_000);
  for (let index = 0; index < 40; index += 1)
    await apiCall(admin, 'POST', `/api/v1/namespaces/${space}/configmaps`, {
      metadata: { name: `c-${index}`, labels: { big: 'yes' } },
      data: { text },
    });
  const path = `/api/v1/namespaces/${space}/configmaps`;
  const query: [string, string][] = [['labelSelector', 'big=yes']];
  const list = await server.ask({ path, query });
  t.is((await list.json()).items.length, 40);
});

test('kubectl through tunnels: exec, cp, port-forward, attach, logs -f, apply, by WebSocket and by SPDY', async (t) => {
  const web = http.createServer((request, response) => response.end(`you asked for ${request.url}`));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.teardown(() => web.close());
  await using kubelet = await Kubelet.start({ ports: { 80: (web.address() as AddressInfo).port } });
  const space = await namespace(t);
  await kubelet.pod(space, 'web');
  const server = await TunnelServer.start(t);
  const agent = agentAt(t, server);
  const kubeconfig = join(kubelet.directory, 'kubeconfig');
  const url = await tunnelFront(t, server);
  writeKubeconfig(
    kubeconfig,
    { url, ca: readFileSync(sharedCluster().caFile, 'utf8'), token: 'ours' },
    'front',
  );
  const on = ['-n', space];
  for (const websockets of ['true', 'false']) {
    const env = {
      KUBECTL_REMOTE_COMMAND_WEBSOCKETS: websockets,
      KUBECTL_PORT_FORWARD_WEBSOCKETS: websockets,
    };
    const input = 'z'.repeat(3_000_000);
    const run = (args: string[], more: object = {}) => kubectl(args, { kubeconfig, env, ...more });
    const said = await run(['exec', '-i', ...on, 'web', '--', 'sh', '-c', 'head -c 3000000; echo oops >&2'], {
      input,
    });
    t.is(said.stdout, input);
    t.is(said.stderr, 'oops\n');
    const failed = await run(['exec', ...on, 'web', '--', 'false'], { allowFailure: true });
    t.is(failed.code, 1);
    const none = await run(['exec', ...on, 'nobody', '--', 'true'], { allowFailure: true });
    t.regex(none.stderr, /pods "nobody" not found/);

    writeFileSync(join(kubelet.directory, 'here'), 'a file\n');
    await run(['cp', ...on, `web:${join(kubelet.directory, 'here')}`, join(kubelet.directory, 'there')]);
    t.is(readFileSync(join(kubelet.directory, 'there'), 'utf8'), 'a file\n');
    await run(['cp', ...on, join(kubelet.directory, 'here'), `web:${join(kubelet.directory, 'back')}`]);
    t.is(readFileSync(join(kubelet.directory, 'back'), 'utf8'), 'a file\n');

    await using forward = await followKubectl(['port-forward', ...on, 'web', ':80'], { kubeconfig, env });
    const [, port] = await waitFor(() => /127\.0\.0\.1:(\d+) ->/.exec(forward.stdout()), {
      what: 'kubectl to listen',
    });
    const asked = Array.from({ length: 5 }, async (_, index) =>
      (await fetch(`http://127.0.0.1:${port}/${index}`)).text(),
    );
    t.deepEqual(
      await Promise.all(asked),
      [0, 1, 2, 3, 4].map((index) => `you asked for /${index}`),
    );

    await using log = await followKubectl(['logs', '-f', ...on, 'web'], { kubeconfig, env });
    await using attached = await followKubectl(['attach', ...on, 'web'], { kubeconfig, env });
    await waitFor(
      () => {
        kubelet.write('a line');
        return log.stdout().includes('a line\n') && attached.stdout().includes('a line\n');
      },
      { what: 'the lines to arrive' },
    );
  }
  const manifest = JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: space },
  });
  await kubectl(['apply', '--server-side', '-f', '-'], { kubeconfig, input: manifest });
  await waitFor(() => agent.counts.busy === 0, { what: 'all calls to end' });
  t.false(
    agent.lines.some((line) => /"level":"(?:warn|error)"/.test(line)),
    agent.lines.join(''),
  );
});
