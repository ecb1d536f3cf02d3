/** API servers that do what a test wants. */
import { once } from 'node:events';
import type http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Authority } from '../core/kube/certificates.ts';
import { sharedCluster } from '../support/cluster.ts';
import { writeKubeconfig } from '../support/control-plane/users.ts';
import type { Asking, TunnelServer } from './tunnel-server.ts';

const authority = new Authority('cluster');
const certificate = authority.issue('api', ['IP:127.0.0.1']);
test.after.always(() => authority.remove());

/** An API server of the test's own, and a kubeconfig with a token for it. */
export async function apiServer(
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

/** Says what it was asked. */
export const mirror: http.RequestListener = (request, response) => {
  request.resume();
  const { method, url, rawHeaders } = request;
  request.on('end', () => response.end(JSON.stringify({ method, url, rawHeaders })));
};

/** What the API server was asked. */
export async function mirrored(
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
