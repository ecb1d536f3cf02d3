import type { Clock } from '../../core/model/clock.ts';
import type { Cluster } from '../../core/model/cluster.ts';
import { clockOf } from '../clock.ts';
import type { ConnectionFlags } from '../connection-flags.ts';
import type { Io } from '../io.ts';
import { openCluster } from '../open-cluster.ts';
import { Progress } from '../progress.ts';
import type { AgentFlags } from './agent-flags.ts';
import {
  type AgentObjects,
  type FoundAgents,
  findAgentObjects,
  groupAgents,
  noAgent,
  type Where,
} from './find-agents.ts';

/** The agents of a cluster, and what a command on them needs. */
export interface AgentsInSight {
  cluster: Cluster;
  /** The URL of the API server, as the connection names it. */
  server: string;
  where: Where;
  found: FoundAgents;
  /** All that were found; never none. */
  agents: AgentObjects[];
  clock: Clock;
  progress: Progress;
}

/** Connects, finds the agents and ends the connection afterwards. Throws ProblemError where there is none. */
export async function withAgents<T>(
  flags: AgentFlags & ConnectionFlags,
  io: Io,
  use: (sight: AgentsInSight) => Promise<T>,
): Promise<T> {
  const progress = new Progress(io);
  try {
    const { connection, cluster } = openCluster(flags, io, { progress, signal: io.signal });
    try {
      progress.update(`looking for agents on ${connection.server} …`);
      const where = {
        namespace: connection.namespace,
        isGiven: connection.namespaceExplicit && !flags.allNamespaces,
      };
      const found = await findAgentObjects(cluster, where);
      const agents = groupAgents(found.objects);
      if (agents.length === 0) throw noAgent(found, where);
      const { server } = connection;
      return await use({ cluster, server, where, found, agents, clock: clockOf(io.signal), progress });
    } finally {
      cluster.close();
    }
  } finally {
    progress.end();
  }
}
