import type { Socket } from 'node:net';

/** The client's connection preface of HTTP/2: RFC 9113, §3.4. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export type Protocol = 'http2' | 'http1';

/**
 * Tells from its first bytes what a peer speaks, as early as it can, and leaves the bytes to be read. Undefined where
 * it went away or said too little within `timeout` ms.
 */
export function protocolOf(socket: Socket, timeout: number): Promise<Protocol | undefined> {
  return new Promise((resolve) => {
    let seen: Buffer = Buffer.alloc(0);
    const settle = (protocol?: Protocol): void => {
      clearTimeout(timer);
      for (const [name, listener] of listeners) socket.off(name, listener);
      socket.pause();
      if (protocol && seen.length > 0) socket.unshift(seen);
      resolve(protocol);
    };
    const take = (chunk: Buffer): void => {
      seen = Buffer.concat([seen, chunk]);
      const length = Math.min(seen.length, PREFACE.length);
      if (!seen.subarray(0, length).equals(PREFACE.subarray(0, length))) settle('http1');
      else if (length === PREFACE.length) settle('http2');
    };
    const gone = (): void => settle();
    const listeners = [
      ['data', take],
      ['end', gone],
      ['error', gone],
      ['close', gone],
    ] as const;
    const timer = setTimeout(gone, timeout);
    for (const [name, listener] of listeners) socket.on(name, listener);
  });
}
