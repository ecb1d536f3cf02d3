/** Connections and clusters for tests, with everything that a test does not care about filled in. */

import { type Clock, realClock } from '../../../core/kube/clock.ts';
import { type ConnectedCluster, type ConnectOptions, connect } from '../../../core/kube/cluster.ts';
import type { Connection } from '../../../core/kube/connection.ts';
import { Transport, type TransportOptions } from '../../../core/kube/transport.ts';

export function connectionTo(server: string, more: Partial<Connection> = {}): Connection {
  return {
    server,
    namespace: 'default',
    namespaceExplicit: false,
    tls: { insecure: false },
    auth: { kind: 'none' },
    compression: true,
    ...more,
  };
}

/** Time runs a hundred times as fast: what a slow machine spends counts a hundred times, too. */
export const quickClock = {
  now: () => realClock.now() * 100,
  after: (ms: number, run: () => void) => realClock.after(ms / 100, run),
};

/** Only waits move its time, and each takes a hundredth of its length: how slow the machine is counts for nothing. */
export function waitsClock(): Clock {
  let now = 0;
  const after = (ms: number, run: () => void) => {
    const at = now + ms;
    return realClock.after(ms / 100, () => {
      now = Math.max(now, at);
      run();
    });
  };
  return { now: () => now, after };
}

export function transportTo(connection: Connection, more: Partial<TransportOptions> = {}): Transport {
  return new Transport(connection, {
    userAgent: 'test',
    signal: new AbortController().signal,
    clock: waitsClock(),
    random: () => 0.5,
    ...more,
  });
}

export function clusterAt(connection: Connection, more: Partial<ConnectOptions> = {}): ConnectedCluster {
  return connect(connection, {
    version: '0.0.0',
    signal: new AbortController().signal,
    clock: waitsClock(),
    random: () => 0.5,
    ...more,
  });
}
