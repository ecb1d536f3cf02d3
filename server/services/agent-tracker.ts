import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import type { AgentTracker } from '../../core/grpc/generated/agent_tracker_pb.ts';
import type { ConnectedAgents } from './connected-agents.ts';

/** `gitlab.agent.agent_tracker.rpc.AgentTracker`: GitLab asks who is connected. */
export function agentTrackerService(connected: ConnectedAgents): ServiceImpl<typeof AgentTracker> {
  return {
    async getConnectedAgents({ request }) {
      const { case: by, value } = request;
      // 0 is no number of GitLab's; a registry has it for projects whose number nobody knows.
      if (by === undefined || value <= 0n)
        throw new ConnectError('project_id or agent_id is missing', Code.InvalidArgument);
      if (by === 'agentId') return { agents: await connected.list(value) };
      return { agents: (await connected.list()).filter(({ projectId }) => projectId === value) };
    },
  };
}
