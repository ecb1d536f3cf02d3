/** The reason of a signal whose time is up, as opposed to one that somebody aborted. */
export class DeadlinePassed extends Error {
  constructor(ms: number) {
    super(`not done within ${ms} ms`);
  }
}

export interface Deadline extends Disposable {
  /** Aborted with the other signal, or with DeadlinePassed after the time. */
  signal: AbortSignal;
  /** Ends it early, with a reason of the caller's. */
  abort(reason: Error): void;
}

/**
 * Bounds what one call may take. Not `AbortSignal.any`: a program that polls for weeks would hang a signal of every
 * poll on the one that ends it.
 */
export function startDeadline(outer: AbortSignal, ms: number): Deadline {
  const controller = new AbortController();
  const abort = (): void => controller.abort(outer.reason);
  if (outer.aborted) abort();
  outer.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => controller.abort(new DeadlinePassed(ms)), ms);
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      outer.removeEventListener('abort', abort);
    },
  };
}
