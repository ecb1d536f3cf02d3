export interface WaitOptions {
  /** Ends the error's sentence: `waited 30 s for …`. */
  what: string;
  /** In milliseconds; 30 seconds where not said. */
  timeout?: number;
  signal?: AbortSignal;
}

const POLL_MS = 50;

/**
 * Asks again until the condition gives something other than undefined, null or false, and returns that. A throw
 * counts as "not yet"; the last one is in the error that says what did not come.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, undefined | null | false>> {
  const timeout = options.timeout ?? 30_000;
  const end = Date.now() + timeout;
  let last: unknown;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) {
        return value as Exclude<T, undefined | null | false>;
      }
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) {
      const why = last === undefined ? '' : ` (${last instanceof Error ? last.message : String(last)})`;
      throw new Error(`waited ${timeout / 1000} s for ${options.what}${why}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
