import { once } from 'node:events';
import type { Writable } from 'node:stream';

/**
 * Resolves once there may be more, so that nobody sends faster than the other side takes. Rejects with what `closed` makes
 * where it takes nothing any more.
 */
export async function writeTo(stream: Writable, data: Uint8Array, closed: () => Error): Promise<void> {
  if (stream.destroyed) throw closed();
  if (stream.write(data)) return;
  const left = new AbortController();
  const leave = (): void => left.abort(closed());
  stream.once('close', leave);
  try {
    await once(stream, 'drain', { signal: left.signal });
  } catch (error) {
    // `once` says that it was aborted; why, is its cause.
    throw left.signal.aborted ? left.signal.reason : error;
  } finally {
    stream.off('close', leave);
  }
}
