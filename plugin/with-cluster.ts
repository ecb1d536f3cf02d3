import type { Cluster } from '../core/model/cluster.ts';
import type { Manifest } from '../core/model/manifest.ts';
import { ListAhead } from '../core/plan/list-ahead.ts';
import type { PlanOptions } from '../core/plan/plan.ts';
import type { SecretGate } from '../core/plan/secret-gate.ts';
import type { ConnectionFlags } from './connection-flags.ts';
import { type InputFlags, noObjects, readIgnoreFile, readInputs } from './inputs.ts';
import type { Io } from './io.ts';
import { openCluster } from './open-cluster.ts';
import type { Progress } from './progress.ts';
import { sayWarnings } from './say-warnings.ts';

/** The flags that say what to compare with which cluster. */
export type ClusterFlags = InputFlags &
  ConnectionFlags & { ignoreFile?: string | undefined; takeOver?: string[] | undefined };

/** A cluster, and what is wanted of it. */
export interface Prepared {
  cluster: Cluster;
  /** Its URL, as the connection names it. */
  server: string;
  manifests: Manifest[];
  options: PlanOptions & { namespace: string };
}

/**
 * Connects, reads the manifests meanwhile, and hands both over; says afterwards what the server warned of. `signal`
 * ends every request at once. Throws ProblemError for what a person has to mend.
 */
export async function withCluster<T>(
  flags: ClusterFlags,
  io: Io,
  { gate, progress, signal }: { gate: SecretGate; progress: Progress; signal: AbortSignal },
  use: (prepared: Prepared) => Promise<T>,
): Promise<T> {
  const ignore = await readIgnoreFile(flags.ignoreFile, io.cwd);
  const { connection, cluster } = openCluster(flags, io, { progress, signal });
  let manifests: Manifest[] = [];
  try {
    // The server answers while the files are read; whether it answers at all is asked again by the plan.
    cluster.discover().catch(() => undefined);
    progress.update('reading manifests …');
    const { namespace } = connection;
    const ahead = new ListAhead(cluster, namespace);
    const input = await readInputs(flags, io, progress, {
      revision: flags.rev,
      allowAbsent: false,
      namespace,
      onManifest: (manifest) => ahead.note(manifest),
    });
    manifests = input.manifests;
    if (manifests.length === 0) throw noObjects(flags);
    progress.update(`asking ${connection.server} what it serves …`);
    const options = {
      namespace,
      enforceNamespace: connection.namespaceExplicit,
      ignore,
      takeOver: new Set(flags.takeOver),
      gate,
      ahead,
      locate: input.locate,
      onProgress: (done: number, total: number) =>
        progress.update(`comparing: ${done} of ${total} objects …`),
    };
    return await use({ cluster, server: connection.server, manifests, options });
  } finally {
    sayWarnings(cluster.warnings, progress, gate, manifests);
    cluster.close();
  }
}
