/** A door for kubectl: HTTP from it goes through tunnels of an agent, as the protocol says. */
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Code, ConnectError } from '@connectrpc/connect';
import type { ExecutionContext } from 'ava';
import type { Answer, TunnelServer } from './tunnel-server.ts';

/** Returns the URL. It ends with the test. */
export async function tunnelFront(t: ExecutionContext, tunnels: TunnelServer): Promise<string> {
  const server = http.createServer(async (request, response) => {
    let answer: Answer | undefined;
    // Left before its end: the agent is told.
    response.once('close', () => response.writableFinished || answer?.tunnel.cancel());
    try {
      answer = await tunnels.ask({ ...askingOf(request), ...(hasBody(request) && { body: request }) });
      response.writeHead(answer.status, [...answer.headers].flat());
      response.flushHeaders();
      for await (const chunk of answer.body()) if (!response.write(chunk)) await once(response, 'drain');
      await answer.next();
      response.end();
    } catch (error) {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end(ConnectError.from(error).message);
    }
  });
  server.on('upgrade', (request, socket, first) => {
    socket.on('error', () => {});
    if (first.length > 0) socket.unshift(first);
    upgrade(tunnels, request, socket).catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function upgrade(tunnels: TunnelServer, request: IncomingMessage, socket: Duplex): Promise<void> {
  const answer = await tunnels.ask(askingOf(request));
  const { tunnel } = answer;
  socket.once('close', () => tunnel.cancel());
  const lines = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
  socket.write(`${[`HTTP/1.1 ${answer.status} x`, ...lines].join('\r\n')}\r\n\r\n`);
  if (answer.status !== 101) {
    socket.end(await answer.bytes());
    return;
  }
  const trailer = await answer.next();
  if (trailer?.case !== 'trailer') throw new ConnectError('no trailer', Code.Internal);
  const up = async (): Promise<void> => {
    for await (const data of socket as AsyncIterable<Buffer>)
      await tunnel.ask({ case: 'upgradeData', value: { data } });
    await tunnel.say({ case: 'closeSend', value: {} });
  };
  up().catch(() => {});
  for (let message = await answer.next(); message; message = await answer.next()) {
    if (message.case !== 'upgradeData') throw new ConnectError(`unexpected ${message.case}`, Code.Internal);
    if (!socket.write(message.value.data)) await once(socket, 'drain');
  }
  socket.end();
}

function askingOf(request: IncomingMessage) {
  const url = new URL(request.url!, 'http://front');
  const headers: [string, string][] = [];
  for (let index = 0; index < request.rawHeaders.length; index += 2)
    headers.push([request.rawHeaders[index]!, request.rawHeaders[index + 1]!]);
  return {
    method: request.method!,
    path: decodeURIComponent(url.pathname),
    query: [...url.searchParams],
    headers,
    contentLength: Number(request.headers['content-length'] ?? (hasBody(request) ? -1 : 0)),
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
