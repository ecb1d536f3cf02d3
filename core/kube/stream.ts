import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { WireError } from './connection-failure.ts';
import type { Endpoint } from './endpoint.ts';
import { overdue, start, toReply, type WireLimits, type WireReply, type WireRequest } from './wire.ts';

/** The longest line, in bytes. An object has at most a few MiB. */
const MAX_LINE = 64 * 2 ** 20;

/** An answer that has begun. `chunks` is there where it is a success; a refusal is read whole. */
export interface OpenAnswer {
  reply: WireReply;
  chunks?: AsyncIterable<Buffer>;
  /** Cuts the answer off. */
  end(): void;
}

/**
 * Sends one request and waits for its answer to begin, for at most `timeout`. Rejects with WireError, with an error of
 * Node's sockets, or with whatever cutting off by `signal` makes of it; the same goes for reading on.
 */
export async function openStream(
  endpoint: Endpoint,
  wire: WireRequest,
  { timeout, maxBytes }: WireLimits,
  underWay: Set<ClientRequest>,
  signal: AbortSignal,
): Promise<OpenAnswer> {
  const request = start(endpoint, wire);
  const end = (): void => void request.destroy();
  underWay.add(request);
  signal.addEventListener('abort', end, { once: true });
  request.once('close', () => {
    underWay.delete(request);
    signal.removeEventListener('abort', end);
  });
  // After the answer has begun the reader is told by the answer itself.
  request.on('error', () => {});
  const late = timeout > 0 ? setTimeout(() => request.destroy(overdue(timeout)), timeout) : undefined;
  try {
    const [message] = (await once(request, 'response')) as [IncomingMessage];
    const { statusCode: status = 0, headers } = message;
    if (status === 200) {
      return { reply: { status, headers, body: { text: '' }, size: 0 }, chunks: message, end };
    }
    const bytes = Buffer.concat(await message.take(1024).toArray());
    return { reply: await toReply(message, bytes, maxBytes), end };
  } catch (error) {
    end();
    throw error;
  } finally {
    clearTimeout(late);
  }
}

/** A line of a stream, without its line feed; `isWhole` is false where the stream ended in the middle of it. */
export interface CutLine {
  text: string;
  isWhole: boolean;
}

/** The lines of a stream that are not empty. Throws WireError for half a line at the end. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  for await (const { text, isWhole } of cutLines(chunks)) {
    if (!isWhole) throw new WireError('Truncated', 'the answer ended in the middle of a line');
    if (text.trim() !== '') yield text;
  }
}

/** Cuts a stream into lines, none of which is kept longer than it takes to read it. */
export async function* cutLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<CutLine> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let to = chunk.indexOf(0x0a); to >= 0; to = chunk.indexOf(0x0a, from)) {
      // A character may be in two chunks: only whole lines are decoded.
      const text = Buffer.concat([...parts, chunk.subarray(from, to)]).toString('utf8');
      parts = [];
      size = 0;
      from = to + 1;
      yield { text, isWhole: true };
    }
    if (from === chunk.length) continue;
    parts.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > MAX_LINE) throw new WireError('TooLarge', `one line is larger than ${MAX_LINE / 2 ** 20} MiB`);
  }
  if (size > 0) yield { text: Buffer.concat(parts).toString('utf8'), isWhole: false };
}
