/**
 * Stands for the port of an agent server at which people and pipelines reach an API server: who brings the credential
 * that it knows is the administrator behind it, and all others are refused as an agent server refuses them.
 */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { accessOf, type Endpoint } from './control-plane/endpoint.ts';

export interface ClusterApiServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT/k8s-proxy`; plain HTTP without a certificate. */
  url: string;
  /** The Authorization header of each request, the newest last. */
  credentials: (string | undefined)[];
}

const PREFIX = '/k8s-proxy/';

export async function clusterApiServer(
  endpoint: Endpoint,
  credential: string,
  tls?: { cert: string; key: string },
): Promise<ClusterApiServer> {
  const { ca, token } = accessOf(endpoint);
  const agent = new https.Agent({ keepAlive: true, ca });
  const credentials: (string | undefined)[] = [];
  const answer = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const { authorization, host: _host, ...headers } = request.headers;
    credentials.push(authorization);
    if (!request.url!.startsWith(PREFIX)) return refuse(response, 400, 'BadRequest', 'Bad request');
    if (authorization !== `Bearer ${credential}`)
      return refuse(response, 401, 'Unauthorized', 'Unauthorized');
    const onward = https.request(new URL(request.url!.slice(PREFIX.length - 1), endpoint.url), {
      method: request.method!,
      agent,
      headers: { ...headers, authorization: `Bearer ${token}` },
    });
    onward.on('error', () => request.socket.destroy());
    onward.on('response', (answered) => {
      response.writeHead(answered.statusCode!, answered.headers);
      answered.pipe(response);
    });
    request.pipe(onward);
  };
  const server = tls ? https.createServer(tls, answer) : http.createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}${PREFIX.slice(0, -1)}`,
    credentials,
    [Symbol.asyncDispose]: async () => {
      agent.destroy();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function refuse(response: http.ServerResponse, code: number, reason: string, message: string): void {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, code };
  response.writeHead(code, {
    'content-type': 'application/json',
    ...(code === 401 && { 'gitlab-unauthorized': 'true' }),
  });
  response.end(JSON.stringify({ ...status, message: `GitLab Agent Server: ${message}` }));
}
