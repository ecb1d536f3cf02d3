/** A server that stands in front of an API server and goes wrong as a test tells it to. */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { accessOf, type Endpoint } from './control-plane/endpoint.ts';

/** What happens instead of, or before, the API server's own answer. */
export type Fault =
  | { status: number; body: string | object; headers?: http.OutgoingHttpHeaders }
  /** The connection ends without an answer, or in the middle of it. */
  | 'cut'
  | 'half'
  /** No answer at all. */
  | 'hang'
  /** The API server's answer, so many milliseconds later. */
  | { late: number };

export interface Seen {
  method: string;
  path: string;
  /** From 1, in the order in which requests came. */
  number: number;
  body: string;
}

export interface Front extends AsyncDisposable {
  /** Plain HTTP: whoever comes is the administrator. */
  url: string;
  seen: Seen[];
}

/** Listens on a free port; `fault` is asked once for each request. */
export async function front(
  endpoint: Endpoint,
  fault: (request: Seen) => Fault | undefined = () => undefined,
): Promise<Front> {
  const { ca, token } = accessOf(endpoint);
  const agent = new https.Agent({ keepAlive: true, ca });
  const sockets = new Set<Socket>();
  const seen: Seen[] = [];
  const server = http.createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request)).toString();
    const entry = { method: request.method!, path: request.url!, number: seen.length + 1, body };
    seen.push(entry);
    const wrong = fault(entry);
    if (wrong === 'hang') return;
    if (wrong === 'cut') return void request.socket.destroy();
    if (typeof wrong === 'object' && 'status' in wrong) {
      const json = typeof wrong.body === 'object';
      const type = json ? 'application/json' : 'text/html';
      response.writeHead(wrong.status, { 'content-type': type, ...wrong.headers });
      return void response.end(json ? JSON.stringify(wrong.body) : wrong.body);
    }
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const onward = https.request(new URL(entry.path, endpoint.url), {
      method: entry.method,
      agent,
      headers: { ...headers, authorization: `Bearer ${token}` },
    });
    onward.on('error', () => request.socket.destroy());
    onward.on('response', (answer) => {
      const reply = (): void => {
        response.writeHead(answer.statusCode!, answer.headers);
        if (wrong !== 'half') return void answer.pipe(response);
        answer.once('data', (chunk: Buffer) => {
          response.write(chunk.subarray(0, chunk.length / 2), () => request.socket.destroy());
        });
      };
      if (typeof wrong === 'object') setTimeout(reply, wrong.late);
      else reply();
    });
    onward.end(body);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      agent.destroy();
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A Status as API servers answer. */
export function failed(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}
