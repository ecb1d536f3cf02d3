import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { asSocket } from '../../core/grpc/as-socket.ts';
import { SUBPROTOCOL, WEBSOCKET_OPTIONS, websocketStream } from '../../core/grpc/websocket-stream.ts';

/** Status codes of RFC 6455, §7.4. */
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
/** How long a peer may take to answer the closing of a WebSocket, in ms. */
const FAREWELL = 1_000;

/** Takes WebSockets for streams of bytes. The path does not matter: proxies in front shorten it. */
export class WebSocketDoor {
  readonly #server: WebSocketServer;
  readonly #open = new Set<WebSocket>();
  readonly #onStream: (stream: Duplex, request: IncomingMessage) => void;

  constructor(serverName: string, onStream: (stream: Duplex, request: IncomingMessage) => void) {
    this.#onStream = onStream;
    this.#server = new WebSocketServer({
      ...WEBSOCKET_OPTIONS,
      noServer: true,
      clientTracking: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.#server.on('headers', (headers) => void headers.push(`Server: ${serverName}`));
  }

  /** Answers a request to upgrade a connection. */
  admit(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {});
    this.#server.handleUpgrade(request, socket, head, (websocket) => {
      websocket.on('error', () => {});
      this.#open.add(websocket);
      websocket.once('close', () => this.#open.delete(websocket));
      if (websocket.protocol === SUBPROTOCOL) {
        this.#onStream(asSocket(websocketStream(websocket)), request);
        return;
      }
      const offered = String(request.headers['sec-websocket-protocol'] ?? '').slice(0, 60);
      websocket.close(PROTOCOL_ERROR, `Expecting "${SUBPROTOCOL}" subprotocol, got "${offered}"`);
      setTimeout(() => websocket.terminate(), FAREWELL).unref();
    });
  }

  /** Closes all of them as a server does that goes away. */
  async close(): Promise<void> {
    const closing = [...this.#open].map(
      (websocket) =>
        new Promise<void>((resolve) => {
          const cut = setTimeout(() => websocket.terminate(), FAREWELL);
          websocket.once('close', () => {
            clearTimeout(cut);
            resolve();
          });
          websocket.close(GOING_AWAY);
        }),
    );
    await Promise.all(closing);
    this.#server.close();
  }
}
