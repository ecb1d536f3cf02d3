import { join } from 'node:path';
import { type ConnectedCluster, connect } from '../core/kube/cluster.ts';
import type { Connection } from '../core/kube/connection.ts';
import { loadConnection } from '../core/kube/load-connection.ts';
import type { ConnectionFlags } from './connection-flags.ts';
import type { Io } from './io.ts';
import type { Progress } from './progress.ts';

/** Connects as the flags say; no request is sent yet. `signal` ends every request at once. */
export function openCluster(
  flags: ConnectionFlags,
  io: Io,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): { connection: Connection; cluster: ConnectedCluster } {
  const connection = loadConnection(flags, { env: io.env, homedir: io.homedir });
  const cluster = connect(connection, {
    version: io.version,
    signal,
    cacheDir: io.env.KUBECACHEDIR || join(io.homedir, '.kube', 'cache'),
    ...(flags.v >= 6 && {
      log: (level: number, line: string) => (level <= flags.v ? progress.say(line) : undefined),
    }),
  });
  return { connection, cluster };
}
