import { Code, ConnectError, createClient } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import { pause } from '../../core/daemon/time.ts';
import { AgentRegistrar } from '../../core/grpc/generated/agent_registrar_pb.ts';
import type { AgentMeta } from '../../core/grpc/generated/modshared_pb.ts';
import type { Kas } from './connect-kas.ts';
import { Reconnecting } from './reconnecting.ts';

export interface RegisterOptions {
  kas: Kas;
  meta: AgentMeta;
  /** Of this Pod, at random. */
  podId: bigint;
  random: () => number;
  log: Log;
  signal: AbortSignal;
}

/** In ms, a quarter more or less. */
const EVERY = 60_000;
/** All Pods of a server lose it at the same moment, and come back within this time, in ms. */
const SPREAD = 2_000;
const TIMEOUT = 20_000;

/**
 * Tells the server that this Pod is there, whether it leads or not, until the signal ends: now and then, and soon after
 * a connection was lost, for a server that was restarted knows of nobody. Servers before 16.x don't ask.
 */
export async function keepRegistered({
  kas,
  meta,
  podId,
  random,
  log,
  signal,
}: RegisterOptions): Promise<void> {
  const client = createClient(AgentRegistrar, kas.transport);
  const reconnecting = new Reconnecting(random);
  while (!signal.aborted) {
    try {
      await client.register({ agentMeta: meta, podId }, { signal, timeoutMs: TIMEOUT });
      reconnecting.succeeded();
      await kas.lost.wait(EVERY * (0.75 + random() / 2), signal);
      await pause(SPREAD * random(), signal);
    } catch (error) {
      const { code, rawMessage } = ConnectError.from(error);
      if (code === Code.Unimplemented || signal.aborted) return;
      // The streams tell what is wrong with the connection.
      log.debug('The agent server does not register this Pod', { error: rawMessage });
      await pause(reconnecting.afterFailure(), signal);
    }
  }
}
