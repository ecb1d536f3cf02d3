import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import {
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
  type Interceptor,
} from '@connectrpc/connect';
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import type { AgentPortOptions } from './agent-port.ts';
import { CONNECTION, RESET } from './connection.ts';
import type { Gate } from './observe-calls.ts';
import { COMPRESSED_FROM, withPrepared } from './prepared-messages.ts';

export interface GrpcOptions {
  /** Registers the services. */
  routes: (router: ConnectRouter) => void;
  /** Whoever it does not let in is answered before a message is received: unread, they cost no memory. */
  gate: Gate;
  /** The first is the outermost. */
  interceptors: Interceptor[];
  /** Of one message, sent or received and decompressed, in bytes. */
  messageBytes: number;
}

/** What the protocol is spoken in. Prepared messages have no other form. */
const CONTENT_TYPE = /^application\/grpc(\+proto)?(;|$)/;

/** Answers gRPC calls of services that `routes` registers. What it does not know is UNIMPLEMENTED. */
export function grpcHandler({
  routes,
  gate,
  interceptors,
  messageBytes,
}: GrpcOptions): AgentPortOptions['handle'] {
  const router = createConnectRouter({
    grpc: true,
    grpcWeb: false,
    connect: false,
    requestGate: gate,
    interceptors,
    acceptCompression: [compressionGzip],
    compressMinBytes: COMPRESSED_FROM,
    readMaxBytes: messageBytes,
    writeMaxBytes: messageBytes,
  });
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response, connection) => {
    const handler = handlers.get((request.url ?? '').split('?', 1)[0]!);
    const isGrpc = CONTENT_TYPE.test(String(request.headers['content-type'] ?? ''));
    if (!handler || !isGrpc) return refuse(request, response, isGrpc);
    const values = createContextValues()
      .set(CONNECTION, connection)
      .set(RESET, () => response.stream?.close(constants.NGHTTP2_CANCEL));
    // A peer that goes away in the middle is no failure; its streams learn it by their signal.
    const answer = async (): Promise<void> => {
      const call = universalRequestFromNodeRequest(request, response, undefined, values);
      const { body, ...answered } = await handler(call);
      const takesGzip = answered.header?.get('grpc-encoding') === compressionGzip.name;
      await universalResponseToNodeResponse(
        { ...answered, ...(body && { body: withPrepared(body, values, takesGzip) }) },
        response,
      );
    };
    answer().catch(() => response.stream?.close());
  };
}

/** gRPC status 12; HTTP/2 of another kind gets 415. */
function refuse(request: Http2ServerRequest, response: Http2ServerResponse, isGrpc: boolean): void {
  request.on('error', () => {});
  if (!isGrpc) {
    response.writeHead(415).end();
    return;
  }
  response.writeHead(200, {
    'content-type': 'application/grpc',
    'grpc-status': '12',
    'grpc-message': 'unknown method',
  });
  response.end();
}
