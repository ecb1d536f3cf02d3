/** Servers that speak as a test tells them to: an API server's stand-in for one answer, and proxies. */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Pair } from './certificates.ts';

export interface Listening extends AsyncDisposable {
  port: number;
  url: string;
  /** Sockets that were accepted so far. */
  connections: () => number;
}

export type Handler = (request: http.IncomingMessage, body: string, response: http.ServerResponse) => void;

/** Listens on a free port of the loopback address; TLS where a pair is given. */
export async function serve(handle: Handler, tls?: Pair & { ca?: string }): Promise<Listening> {
  const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => handle(request, body, response));
  };
  const server = tls
    ? https.createServer(
        {
          cert: tls.cert,
          key: tls.key,
          ...(tls.ca ? { ca: tls.ca, requestCert: true, rejectUnauthorized: false } : {}),
        },
        listener,
      )
    : http.createServer(listener);
  return listen(server, tls ? 'https' : 'http');
}

export function json(
  response: http.ServerResponse,
  status: number,
  body: unknown,
  headers: http.OutgoingHttpHeaders = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** A Status as API servers answer. */
export function status(code: number, reason: string, message = reason): Record<string, unknown> {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    message,
    ...(reason ? { reason } : {}),
  };
}

/**
 * A forwarding proxy: CONNECT, and plain requests with a whole URL. Notes what it is asked for. `ports` are those of
 * this machine behind the names that only the proxy knows.
 */
export async function httpProxy(
  seen: string[],
  login?: string,
  tls?: Pair,
  ports: Readonly<Record<string, number>> = {},
): Promise<Listening> {
  const refused = (header: string | undefined): boolean =>
    login !== undefined && header !== `Basic ${Buffer.from(login).toString('base64')}`;
  const plain = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    seen.push(`${request.method} ${request.url}`);
    if (refused(request.headers['proxy-authorization'])) return void response.writeHead(407).end();
    const { 'proxy-authorization': _login, ...headers } = request.headers;
    const onward = http.request(request.url!, { method: request.method!, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  };
  const server = tls ? https.createServer({ cert: tls.cert, key: tls.key }, plain) : http.createServer(plain);
  server.on('connect', (request: http.IncomingMessage, socket: Socket) => {
    seen.push(`CONNECT ${request.url}`);
    socket.on('error', () => {});
    if (refused(request.headers['proxy-authorization'])) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const url = new URL(`http://${request.url}`);
    // The proxy knows names that this machine need not know.
    const onward = connect(ports[url.hostname] ?? Number(url.port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
  });
  return listen(server, tls ? 'https' : 'http');
}

/** A SOCKS5 proxy without or with a password (RFC 1928, 1929), for CONNECT by name or address. */
export async function socksProxy(seen: string[], login?: string): Promise<Listening> {
  const server = createServer(async (socket) => {
    socket.on('error', () => {});
    const read = reader(socket);
    const [, methods] = await read(2);
    await read(methods!);
    socket.write(Buffer.from([5, login ? 2 : 0]));
    if (login) {
      const user = (await read((await read(2))[1]!)).toString();
      const password = (await read((await read(1))[0]!)).toString();
      socket.write(Buffer.from([1, `${user}:${password}` === login ? 0 : 1]));
      if (`${user}:${password}` !== login) return void socket.end();
    }
    const [, , , type] = await read(4);
    const host =
      type === 3 ? (await read((await read(1))[0]!)).toString() : (await read(type === 1 ? 4 : 16)).join('.');
    const port = (await read(2)).readUInt16BE();
    seen.push(`${type === 3 ? 'name' : 'address'} ${host}:${port}`);
    const onward = connect(port, '127.0.0.1', () => {
      socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
      onward.pipe(socket).pipe(onward);
      socket.resume();
    });
    onward.on('error', () => socket.destroy());
  });
  return listen(server, 'socks5');
}

function reader(socket: Socket): (size: number) => Promise<Buffer> {
  return async (size) => {
    for (;;) {
      const chunk = socket.read(size) as Buffer | null;
      if (chunk) return chunk;
      await once(socket, 'readable');
    }
  };
}

/** Makes a listening server of any kind one that ends with all its connections. */
export async function listen(server: Server, scheme: string): Promise<Listening> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
