import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `:8080`, `127.0.0.1:8080`, `[::1]:8080`. Throws RangeError for anything else. */
export function parseListenAddress(address: string): { host?: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) throw new RangeError(`can't read the address ${JSON.stringify(address)}`);
  const host = match[1] ?? match[2];
  return host ? { host, port } : { port };
}

/** Listens on `HOST:PORT` or `:PORT` until it is disposed of. Rejects where it can't. */
export async function listen(
  server: Server,
  address: string,
): Promise<AsyncDisposable & { address: AddressInfo }> {
  server.requestTimeout = 10_000;
  const { host, port } = parseListenAddress(address);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host && { host }) }, resolve);
  });
  return {
    address: server.address() as AddressInfo,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
