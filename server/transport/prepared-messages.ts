import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { type ContextValues, createContextKey } from '@connectrpc/connect';

/**
 * Messages as they are on the wire, made once for all who are sent the same: what a thousand agents are sent at the same
 * moment is a matter of copying then.
 */
export interface PreparedMessages {
  count: number;
  /** For who takes no compression. */
  plain: readonly Uint8Array[];
  gzip: readonly Uint8Array[];
}

/** What a handler puts here is sent before the next message that it yields. */
export const PREPARED = createContextKey<PreparedMessages | undefined>(undefined, {
  description: 'prepared messages',
});

/** Below it, in bytes, what gzip saves of a message is not worth what it costs who unpacks it. */
export const COMPRESSED_FROM = 32 * 1024;
/** Of a piece that is written at once, about, in bytes. */
const PIECE = 64 * 1024;
/** Of an envelope: how it is compressed, and how long the message is. */
const HEAD_BYTES = 5;
const COMPRESSED = 1;

export async function prepareMessages<D extends DescMessage>(
  schema: D,
  messages: readonly MessageShape<D>[],
): Promise<PreparedMessages> {
  const bytes = messages.map((message) => toBinary(schema, message));
  const plain = bytes.map((message) => enveloped(message, 0));
  const compressed = await Promise.all(
    bytes.map(async (message, index) =>
      message.length < COMPRESSED_FROM
        ? plain[index]!
        : enveloped(await promisify(gzip)(message), COMPRESSED),
    ),
  );
  return { count: messages.length, plain: pieces(plain), gzip: pieces(compressed) };
}

/** The body of an answer, with what the handler has prepared in its place. */
export async function* withPrepared(
  body: AsyncIterable<Uint8Array>,
  values: ContextValues,
  takesGzip: boolean,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    const prepared = values.get(PREPARED);
    if (prepared) {
      values.set(PREPARED, undefined);
      yield* takesGzip ? prepared.gzip : prepared.plain;
    }
    yield chunk;
  }
}

function enveloped(message: Uint8Array, flags: number): Buffer {
  const envelope = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  envelope.writeUInt8(flags);
  envelope.writeUInt32BE(message.length, 1);
  envelope.set(message, HEAD_BYTES);
  return envelope;
}

/** Small ones together. */
function pieces(envelopes: readonly Buffer[]): Buffer[] {
  const made: Buffer[] = [];
  let open: Buffer[] = [];
  let size = 0;
  for (const [index, envelope] of envelopes.entries()) {
    open.push(envelope);
    size += envelope.length;
    if (size < PIECE && index < envelopes.length - 1) continue;
    made.push(Buffer.concat(open));
    [open, size] = [[], 0];
  }
  return made;
}
