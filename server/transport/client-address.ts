import type { IncomingMessage } from 'node:http';
import net, { type Socket } from 'node:net';

/** Whose connection it is; `::ffff:` before an IPv4 address is left out. */
export function addressOf(socket: Pick<Socket, 'remoteAddress'>): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

/** Who sent a request: as the header of a proxy in front says, where there is one, else whose connection it is. */
export function clientAddress(request: IncomingMessage, header: string | undefined): string {
  const said = header === undefined ? undefined : request.headers[header.toLowerCase()];
  // The last one is what the nearest proxy added.
  const last = String(said ?? '')
    .split(',')
    .at(-1)!
    .trim();
  return net.isIP(last) === 0 ? addressOf(request.socket) : last;
}
