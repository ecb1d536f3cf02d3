/** Connections and clusters for tests, with everything that a test does not care about filled in. */

import { realClock } from '../../../core/kube/clock.ts';
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

/** Waits of retries are a hundredth of the real ones. */
export const quickClock = {
  now: () => realClock.now() * 100,
  after: (ms: number, run: () => void) => realClock.after(ms / 100, run),
};

export function transportTo(connection: Connection, more: Partial<TransportOptions> = {}): Transport {
  return new Transport(connection, {
    userAgent: 'test',
    signal: new AbortController().signal,
    clock: quickClock,
    random: () => 0.5,
    ...more,
  });
}

export function clusterAt(connection: Connection, more: Partial<ConnectOptions> = {}): ConnectedCluster {
  return connect(connection, {
    version: '0.0.0',
    signal: new AbortController().signal,
    clock: quickClock,
    random: () => 0.5,
    ...more,
  });
}
