import type { ConnectRouter } from '@connectrpc/connect';
import { AgentConfiguration } from '../../core/grpc/generated/agent_configuration_pb.ts';
import { AgentRegistrar } from '../../core/grpc/generated/agent_registrar_pb.ts';
import { Gitops } from '../../core/grpc/generated/gitops_pb.ts';
import { ReverseTunnel } from '../../core/grpc/generated/reverse_tunnel_pb.ts';
import { agentConfigurationService } from './agent-configuration.ts';
import { agentRegistrarService } from './agent-registrar.ts';
import type { ServiceDesk } from './desk.ts';
import { gitopsService } from './gitops.ts';
import { reverseTunnelService } from './reverse-tunnel.ts';

/** Of what goes to clusters gzip saves less than it costs: uploads are archives, and the rest is small. */
const UNCOMPRESSED = { grpcWeb: false, connect: false, compressMinBytes: Number.POSITIVE_INFINITY };

/** The services that agents call. */
export function registerServices(router: ConnectRouter, desk: ServiceDesk): void {
  router.service(AgentConfiguration, agentConfigurationService(desk));
  router.service(Gitops, gitopsService(desk));
  router.service(ReverseTunnel, reverseTunnelService(desk), UNCOMPRESSED);
  router.service(AgentRegistrar, agentRegistrarService(desk));
}
