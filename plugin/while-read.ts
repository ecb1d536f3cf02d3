import type { Io } from './io.ts';

/**
 * Does what has no end of its own; once nobody reads its output any more (`| head` has enough), it ends with exit code
 * 0. `use` gets the `io` whose signal ends then, too.
 */
export async function whileRead(io: Io, use: (io: Io) => Promise<number>): Promise<number> {
  try {
    return await use({ ...io, signal: AbortSignal.any([io.signal, io.unread]) });
  } catch (error) {
    if (io.unread.aborted && !io.signal.aborted) return 0;
    throw error;
  }
}
