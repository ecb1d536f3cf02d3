import type { ServerHttp2Session } from 'node:http2';

/** Of one stream, in bytes: from 50 ms away some 40 MB/s come by the widest. */
const WIDEST = 4 * 2 ** 20;
const NARROWEST = 256 * 1024;
/** What all streams may hold together, about. */
const ALL = 128 * 2 ** 20;
/** Of the connection: what has come is taken at once, so that it does not stop for streams that nobody reads. */
const SESSION_WINDOW = 4 * WIDEST;

/** What a session begins with. */
export const FIRST_WINDOW = WIDEST;

/**
 * Shares what may wait to be read among the streams of a connection. An answer that nobody reads stops when the window
 * of its stream is full; a far peer sends no more than a window in each round trip. So a few streams have wide ones, and
 * hundreds have narrow ones.
 */
export function shareWindows(session: ServerHttp2Session): void {
  let open = 0;
  let window = WIDEST;
  let isTold = true;
  const adapt = (): void => {
    if (!isTold || session.destroyed || session.closed) return;
    const share = ALL / open;
    let next = window;
    while (next > share && next > NARROWEST) next /= 2;
    // Later than it was narrowed, so that it is not told at each call.
    while (next * 4 <= share && next < WIDEST) next *= 2;
    if (next === window) return;
    window = next;
    isTold = false;
    session.settings({ initialWindowSize: window }, () => {
      isTold = true;
      adapt();
    });
  };
  session.on('stream', (stream) => {
    open += 1;
    adapt();
    stream.once('close', () => {
      open -= 1;
      adapt();
    });
  });
  const widen = (): void => session.setLocalWindowSize(SESSION_WINDOW);
  if (session.connecting) session.once('connect', widen);
  else widen();
}
