import type { ClientHttp2Stream } from 'node:http2';
import { PassThrough } from 'node:stream';
import type { GrpcTransportOptions, Http2SessionManager } from '@connectrpc/connect-node';

type SessionManager = NonNullable<GrpcTransportOptions['sessionManager']>;

/**
 * The same connection, whose answers are taken in from their first byte. Over a stream that is no socket of the system's,
 * a whole answer may come in one turn of the event loop; Node's iterator of an HTTP/2 stream that begins after that
 * takes the answer for cut off (ERR_STREAM_PREMATURE_CLOSE), because such a stream counts as closed before it is read.
 */
export function eagerSessions(sessions: Http2SessionManager): SessionManager {
  return {
    authority: sessions.authority,
    request: async (...args) => {
      const stream = await sessions.request(...args);
      const body = stream.pipe(new PassThrough());
      return Object.assign(stream, { [Symbol.asyncIterator]: () => body[Symbol.asyncIterator]() });
    },
    notifyResponseByteRead: (stream: ClientHttp2Stream) => sessions.notifyResponseByteRead(stream),
  };
}
