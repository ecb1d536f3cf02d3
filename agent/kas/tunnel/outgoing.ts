import type { ClientHttp2Stream } from 'node:http2';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type ConnectRequest, ConnectRequestSchema } from '../../../core/grpc/generated/reverse_tunnel_pb.ts';
import { Handover } from '../../../core/grpc/handover.ts';
import { nestedPrefix } from '../../../core/grpc/nested-bytes.ts';

export type Said = NonNullable<MessageInitShape<typeof ConnectRequestSchema>['msg']>;

/** `data` in `message` of ConnectRequest. */
const MESSAGE_DATA = [ConnectRequestSchema.field.message.number, 1];

/**
 * What an agent says in one tunnel, in its order. One thing is under way while the next is made: all methods resolve
 * when the one before has been sent.
 */
export class Outgoing {
  /** For gRPC's library, which takes one when the one before has been written. */
  readonly messages = new Handover<ConnectRequest>();
  #stream: ClientHttp2Stream | undefined;
  #last: Promise<void> = Promise.resolve();

  /** The stream of the call. */
  use(stream: ClientHttp2Stream): void {
    this.#stream = stream;
  }

  async say(msg: Said): Promise<void> {
    await this.#last;
    this.#follow(this.messages.put(create(ConnectRequestSchema, { msg })));
  }

  /**
   * A message with these bytes, written as they are: the library would copy them five times, and most of what an agent
   * does is this. It writes nothing meanwhile, for it waits for its next message.
   */
  async sayBytes(pieces: readonly Uint8Array[]): Promise<void> {
    await this.#last;
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const prefix = nestedPrefix(MESSAGE_DATA, length);
    // gRPC's own: not compressed, and how long the message is.
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(prefix.length + length, 1);
    this.#follow(write(this.#stream!, [frame, prefix, ...pieces]));
  }

  /** All has been sent. */
  async flushed(): Promise<void> {
    await this.#last;
  }

  #follow(next: Promise<void>): void {
    this.#last = next;
    next.catch(() => {});
  }
}

function write(stream: ClientHttp2Stream, pieces: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = (): void => reject(new ConnectError('the caller has left', Code.Canceled));
    stream.cork();
    pieces.forEach((piece, index) => {
      if (index < pieces.length - 1) stream.write(piece);
      else stream.write(piece, (error) => (error ? left() : resolve()));
    });
    stream.uncork();
  });
}
