import { Code, ConnectError } from '@connectrpc/connect';

// What says that somebody has no business here any more. A GitLab that does not answer says nothing.
const ENDING_CODES = new Set([Code.Unauthenticated, Code.PermissionDenied, Code.NotFound]);

/** Whether the failure of a question says that what is under way has to end. */
export function endsAccess(error: unknown): boolean {
  return ENDING_CODES.has(ConnectError.from(error).code);
}

/** Asks every `every` ms, until it is disposed of or the answer is no: then `onEnd` is called once. */
export function recheck(
  check: () => Promise<unknown>,
  every: number,
  onEnd: (error: unknown) => void,
): Disposable {
  let isOver = false;
  const timer = setInterval(() => {
    check().catch((error: unknown) => {
      if (isOver || !endsAccess(error)) return;
      stop();
      onEnd(error);
    });
  }, every);
  timer.unref();
  const stop = (): void => {
    isOver = true;
    clearInterval(timer);
  };
  return { [Symbol.dispose]: stop };
}
