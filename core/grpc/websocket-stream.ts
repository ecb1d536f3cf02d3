import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket } from 'ws';

/** The subprotocol of a WebSocket whose binary messages, put together, are a plain stream of bytes: HTTP/2 with gRPC. */
export const SUBPROTOCOL = 'ws-tunnel';

/** For both ends: no frame is longer, as in GitLab's agent. Borders of messages mean nothing. */
export const WEBSOCKET_OPTIONS = { maxPayload: 10 * 2 ** 20, perMessageDeflate: false } as const;

/** Status codes of RFC 6455, §7.4. */
const UNSUPPORTED_DATA = 1003;
/** How much is taken from a peer, in bytes, before it has to wait. */
const HIGH_WATER_MARK = 256 * 1024;

/** The bytes of a WebSocket that is open, or is being opened. Text ends it: nobody sends any who speaks gRPC. */
export function websocketStream(socket: WebSocket): Duplex {
  const stream = createWebSocketStream(socket, { highWaterMark: HIGH_WATER_MARK });
  socket.on('message', (_data, isBinary) => {
    if (isBinary) return;
    socket.close(UNSUPPORTED_DATA, 'binary messages only');
    stream.destroy();
  });
  return stream;
}
