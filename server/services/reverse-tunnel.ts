import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import type {
  ConnectRequest,
  Descriptor,
  ReverseTunnel,
} from '../../core/grpc/generated/reverse_tunnel_pb.ts';
import { recheck } from '../access/recheck.ts';
import { RESET } from '../transport/connection.ts';
import { Tunnel } from '../tunnels/tunnel.ts';
import { callerOf, type ServiceDesk } from './desk.ts';

/** `gitlab.agent.reverse_tunnel.rpc.ReverseTunnel`: an agent waits for calls to itself. */
export function reverseTunnelService({
  tunnels,
  checkEvery,
}: ServiceDesk): ServiceImpl<typeof ReverseTunnel> {
  return {
    async *connect(messages, context) {
      const { access, connection } = callerOf(context);
      const { id } = access.agent;
      const requests = messages[Symbol.asyncIterator]();
      const tunnel = new Tunnel(await descriptorOf(requests), requests, {
        onIdleEnd: () => tunnels.withdraw(id, tunnel),
        reset: context.values.get(RESET),
      });
      // A call that is under way may end by itself.
      const end = (): void => tunnel.endIdle();
      const lose = (): void =>
        tunnel.cut(new ConnectError('the connection to the agent was lost', Code.Unavailable));
      if (connection.ending.aborted) return;
      connection.ending.addEventListener('abort', end, { once: true });
      context.signal.addEventListener('abort', lose, { once: true });
      using _ = recheck(
        () => access.check(context.signal),
        checkEvery,
        (error) => tunnel.cut(ConnectError.from(error)),
      );
      const close = tunnels.open(id);
      try {
        if (!tunnels.offer(id, tunnel))
          throw new ConnectError('too many tunnels wait', Code.ResourceExhausted);
        yield* tunnel.responses;
      } finally {
        connection.ending.removeEventListener('abort', end);
        context.signal.removeEventListener('abort', lose);
        tunnels.withdraw(id, tunnel);
        close();
      }
    },
  };
}

async function descriptorOf(requests: AsyncIterator<ConnectRequest>): Promise<Descriptor> {
  const { done, value } = await requests.next();
  if (!done && value.msg.case === 'descriptor') return value.msg.value;
  throw new ConnectError('out of order: a tunnel begins with its descriptor', Code.InvalidArgument);
}
