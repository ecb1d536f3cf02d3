import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below every system's ephemeral range: between our look and the component's listen (and while a test has the API
// server down) no outgoing connection of somebody else can take the port.
const FIRST = 20_000;
const LAST = 30_000;

/** Free loopback TCP ports, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(FIRST, LAST);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  return promise;
}
