import { constants, type ServerHttp2Session } from 'node:http2';

/** How a connection is kept, and how long. All in ms. */
export interface SessionLimits {
  /** After this it gets no new calls, and its streams come to an end. A tenth is added or taken at random. */
  maxAge: number;
  /** From then on, how long what is under way may take. */
  grace: number;
  /** Between two PINGs of ours. */
  pingEvery: number;
  /** Within which a PING is answered. */
  pingTimeout: number;
  /** A peer that sends PINGs more often is sent away. */
  leastPingInterval: number;
}

/**
 * What gRPC's Go servers forgive (`http2Server.pingStrikes`). As with them, who was sent something of a call may ask
 * again: Go's clients measure the network by a PING for what they receive.
 */
const MOST_STRIKES = 2;
/** Frames of HTTP/2 with their headers, RFC 9113 §6.7 and §6.9. */
const PING_BYTES = 17;
const WINDOW_UPDATE_BYTES = 13;
/** No connection may hold more calls at once: an agent has a few, and up to 500 tunnels. */
export const MOST_STREAMS = 1_000;

/** Keeps one HTTP/2 connection within its limits until it is closed. `onEnding` is called once, when it has become old. */
export function guardSession(
  session: ServerHttp2Session,
  limits: SessionLimits,
  random: () => number,
  onEnding: () => void,
): void {
  let strikes = 0;
  let pings = 0;
  let lastPing = 0;
  let mostSent = 0;
  session.on('ping', () => {
    const now = performance.now();
    pings += 1;
    // All but the answers to PINGs, some of which may not have been written yet.
    const sent = (session.socket.bytesWritten ?? 0) - pings * PING_BYTES;
    const hasAnswered = sent > mostSent + WINDOW_UPDATE_BYTES;
    mostSent = Math.max(mostSent, sent);
    if (hasAnswered || now - lastPing >= limits.leastPingInterval) strikes = 0;
    else strikes += 1;
    lastPing = now;
    if (strikes <= MOST_STRIKES || session.destroyed) return;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'));
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
  const pinging = setInterval(() => ping(session, limits.pingTimeout), limits.pingEvery);
  const aging = setTimeout(onEnding, limits.maxAge * (0.9 + random() / 5));
  for (const timer of [pinging, aging]) timer.unref();
  session.once('close', () => {
    clearInterval(pinging);
    clearTimeout(aging);
  });
}

/** A peer that does not answer is gone, whatever its network says. */
function ping(session: ServerHttp2Session, timeout: number): void {
  if (session.destroyed || session.closed) return;
  const deadline = setTimeout(() => session.destroy(), timeout);
  deadline.unref();
  session.once('close', () => clearTimeout(deadline));
  session.ping(() => clearTimeout(deadline));
}
