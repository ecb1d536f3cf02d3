import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import { ACCESS } from '../access/authentication.ts';
import type { AgentAccess } from '../access/directory.ts';
import type { ServerConfig } from '../configuration/server-config.ts';
import type { Metrics } from '../metrics.ts';
import type { Projects } from '../projects/projects.ts';
import { type AgentConnection, CONNECTION } from '../transport/connection.ts';
import type { Tunnels } from '../tunnels/tunnels.ts';
import type { ConfigurationReports } from './configuration-reports.ts';
import type { ConnectedAgents } from './connected-agents.ts';

/** What the services of agents share. */
export interface ServiceDesk {
  config: ServerConfig;
  projects: Projects;
  connected: ConnectedAgents;
  tunnels: Tunnels;
  /** GitLab mode: told of configurations. */
  reports?: ConfigurationReports;
  /** Between two questions whether an agent's token still is good, and its projects still are its own, in ms. */
  checkEvery: number;
  metrics: Metrics;
  log: Log;
}

/** Who calls, by which connection, and when the call has to end: with the connection, or because the caller left. */
export interface Caller {
  access: AgentAccess;
  connection: AgentConnection;
  stop: AbortSignal;
}

export function callerOf(context: HandlerContext): Caller {
  const access = context.values.get(ACCESS);
  if (!access) throw new ConnectError('unauthenticated', Code.Unauthenticated);
  const connection = context.values.get(CONNECTION);
  return { access, connection, stop: AbortSignal.any([context.signal, connection.ending]) };
}
