import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Authority } from '../core/kube/certificates.ts';
import { socksProxy } from '../core/kube/servers.ts';
import { entryOf, ground, reach, sourcesOf, Told } from './ground.ts';

/** A proxy that lets nothing through but CONNECT, and what it was asked. */
async function connectProxy(t: ExecutionContext): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const proxy = http.createServer((_request, response) => response.writeHead(403).end());
  proxy.on('connect', (request, socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    const [host, port] = request.url!.split(':');
    // The names that the test uses lead here.
    const through = net.connect(Number(port), host === 'kas.test' ? '127.0.0.1' : host);
    through.once('connect', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(through).pipe(socket);
    });
    for (const end of [socket, through]) end.on('error', () => [socket, through].map((one) => one.destroy()));
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.teardown(() => proxy.close());
  return { url: `http://me:secret@127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

for (const secure of [false, true])
  test(`${secure ? 'TLS' : 'cleartext'}: gRPC and WebSockets at one port, directly and through a proxy`, async (t) => {
    const authority = new Authority('agent server');
    t.teardown(() => authority.remove());
    const tls = secure ? { tls: authority.issue('kas', ['IP:127.0.0.1', 'DNS:kas.test']) } : {};
    const { config, shop, server, token } = await ground(t, tls);
    const wanted = await config.commit({ '.gitlab/agents/test/config.yaml': '{}\n' });
    const commit = await shop.commit({ 'a.yaml': 'a: 1\n', 'big.yaml': `# ${'x'.repeat(300_000)}\n` });
    const proxy = await connectProxy(t);
    const names: string[] = [];
    const socks = await socksProxy(names, 'me:secret');
    t.teardown(() => socks[Symbol.asyncDispose]());
    const socksUrl = socks.url.replace('://', '://me:secret@');
    const s = secure ? 's' : '';
    const ways = [
      { address: `grpc${s}://127.0.0.1:${server.port}` },
      { address: `ws${s}://127.0.0.1:${server.port}` },
      {
        address: `ws${s}://127.0.0.1:${server.port}/-/kubernetes-agent/`,
        headers: [['X-Extra', 'yes']] as [string, string][],
      },
      {
        address: `ws${s}://kas.test:${server.port}/`,
        env: { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url },
      },
      {
        address: `ws${s}://kas.test:${server.port}/`,
        env: { HTTPS_PROXY: socksUrl, HTTP_PROXY: socksUrl },
      },
    ];
    for (const way of ways) {
      const kas = reach(t, { token, ...way, ...(secure && { ca: authority.ca.cert }) });
      const sources = await sourcesOf(t, kas);
      await new Told(t, sources.configuration).commit(wanted);
      const revision = sources.entry(entryOf());
      await new Told(t, revision).commit(commit);
      const opened = await revision.reader.open(commit, new AbortController().signal);
      if (!opened.ok) return t.fail(opened.failure.message);
      t.is((await opened.tree.read('big.yaml', 1e6)).length, 300_003, way.address);
    }
    t.is(proxy.asked.length, 1);
    t.regex(proxy.asked[0]!, /^kas\.test:\d+ Basic bWU6c2VjcmV0$/);
    t.deepEqual(names, [`name kas.test:${server.port}`]);
    t.is(await server.end(), 0);
  });
