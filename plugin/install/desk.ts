import type { Cluster, Discovery } from '../../core/model/cluster.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import type { ConnectionFlags } from '../connection-flags.ts';
import type { Io } from '../io.ts';
import { openCluster } from '../open-cluster.ts';
import { Progress } from '../progress.ts';
import { sayWarnings } from '../say-warnings.ts';
import { Stop } from '../stop.ts';

/** What is needed to change a cluster and to tell about it. */
export interface Desk {
  cluster: Cluster;
  discovery: Discovery;
  io: Io;
  progress: Progress;
  stop: Stop;
  color: 'auto' | 'always' | 'never';
  /** What the API server was shown, Secrets too: its warnings may repeat it. */
  shown: Manifest[];
}

/** Connects for a command that changes what is installed, and ends the connection afterwards. */
export async function withDesk<T>(
  flags: ConnectionFlags & { color: Desk['color'] },
  io: Io,
  use: (desk: Desk) => Promise<T>,
): Promise<T> {
  const progress = new Progress(io);
  const stop = new Stop(io.signal);
  const shown: Manifest[] = [];
  try {
    const { connection, cluster } = openCluster(flags, io, { progress, signal: stop.atOnce });
    try {
      progress.update(`asking ${connection.server} …`);
      const discovery = await cluster.discover();
      return await use({ cluster, discovery, io, progress, stop, color: flags.color, shown });
    } finally {
      sayWarnings(cluster.warnings, progress, new SecretGate(), shown);
      cluster.close();
    }
  } finally {
    stop.end();
    progress.end();
  }
}
