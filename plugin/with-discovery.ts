import type { Cluster, Discovery } from '../core/model/cluster.ts';
import type { ConnectionFlags } from './connection-flags.ts';
import type { Io } from './io.ts';
import { openCluster } from './open-cluster.ts';
import { Progress } from './progress.ts';

/** A cluster to look at, and the namespace of what names none. */
export interface Looking {
  cluster: Cluster;
  discovery: Discovery;
  namespace: string;
  /** Whether the person named it. */
  namespaceGiven: boolean;
  progress: Progress;
}

/** Connects for a command that only reads, and ends the connection afterwards. */
export async function withDiscovery<T>(
  flags: ConnectionFlags,
  io: Io,
  use: (looking: Looking) => Promise<T>,
): Promise<T> {
  const progress = new Progress(io);
  try {
    const { connection, cluster } = openCluster(flags, io, { progress, signal: io.signal });
    try {
      progress.update(`asking ${connection.server} …`);
      const discovery = await cluster.discover();
      return await use({
        cluster,
        discovery,
        namespace: connection.namespace,
        namespaceGiven: connection.namespaceExplicit,
        progress,
      });
    } finally {
      cluster.close();
    }
  } finally {
    progress.end();
  }
}
