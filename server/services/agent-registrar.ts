import type { ServiceImpl } from '@connectrpc/connect';
import type { AgentRegistrar } from '../../core/grpc/generated/agent_registrar_pb.ts';
import { callerOf, type ServiceDesk } from './desk.ts';

/** `gitlab.agent.agent_registrar.rpc.AgentRegistrar`: every Pod of an agent says that it is there. */
export function agentRegistrarService({ connected }: ServiceDesk): ServiceImpl<typeof AgentRegistrar> {
  return {
    register({ agentMeta, podId }, context) {
      const { access, connection } = callerOf(context);
      connected.register(access.agent, podId, agentMeta, connection);
      return {};
    },
  };
}
