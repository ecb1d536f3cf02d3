import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { exchange } from '../../../core/git/exchange.ts';
import { calm, connectionsFor } from './sources.ts';

/** Ends a connection without a word when a request comes on it, where `cuts` says so of the request's number there. */
async function cuttingServer(t: ExecutionContext, cuts: (nth: number) => boolean) {
  const counts = new Map<Socket, number>();
  const server = createServer((request, response) => {
    const nth = (counts.get(request.socket) ?? 0) + 1;
    counts.set(request.socket, nth);
    if (cuts(nth)) request.socket.destroy();
    else response.end('x'.repeat(100));
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const connections = connectionsFor(t);
  const get = (maxBytes = 1000) =>
    exchange(connections, { method: 'GET', url, headers: {}, maxBytes, signal: calm });
  return { get, counts };
}

test('a connection that the server closed while it was idle is made again, unseen', async (t) => {
  const { get, counts } = await cuttingServer(t, (nth) => nth === 3);
  for (let round = 0; round < 7; round += 1) t.is((await get()).body.length, 100);
  t.is(counts.size, 4);
});

test('a new connection that is cut is a failure, and is not tried again', async (t) => {
  const { get, counts } = await cuttingServer(t, () => true);
  await t.throwsAsync(get(), { code: 'ECONNRESET' });
  t.is(counts.size, 1);
});

test('an answer is read as far as it may be long', async (t) => {
  const { get } = await cuttingServer(t, () => false);
  t.is((await get(100)).body.length, 100);
  await t.throwsAsync(get(99));
});
