import type { ExecutionContext } from 'ava';
import { keepTunnels, type TunnelsOptions } from '../../agent/kas/tunnel/keep-tunnels.ts';
import { MAKE_REQUEST, makeRequest } from '../../agent/kas/tunnel/make-request.ts';
import { Log } from '../../core/daemon/log.ts';
import { ApiRelay } from '../../core/kube/api-relay.ts';
import { realClock } from '../../core/kube/clock.ts';
import { loadConnection } from '../../core/kube/load-connection.ts';
import { sharedCluster } from '../support/cluster.ts';
import { reach } from './ground.ts';
import type { TunnelServer } from './tunnel-server.ts';

/** The agent's end of tunnels in this process. */
export interface TunnelAgent {
  lines: string[];
  statuses: number[];
  counts: { idle: number; busy: number };
  ended: Promise<void>;
  end: () => void;
}

/** It ends with the test. */
export function agentAt(
  t: ExecutionContext,
  server: TunnelServer,
  {
    address = `grpc://127.0.0.1:${server.port}`,
    kubeconfig = sharedCluster().kubeconfig,
    ...more
  }: {
    address?: string;
    kubeconfig?: string;
    idleTimeout?: number;
  } = {},
): TunnelAgent {
  const kas = reach(t, { address, token: 'token' });
  const lines: string[] = [];
  const log = new Log({ write: (line) => lines.push(line), level: 'debug', now: () => new Date() });
  const ending = new AbortController();
  const connection = loadConnection({ kubeconfig }, { env: {}, homedir: '/' });
  const api = new ApiRelay(connection, { clock: realClock, signal: ending.signal, maxIdle: 500 });
  const agent: TunnelAgent = {
    lines,
    statuses: [],
    counts: { idle: 0, busy: 0 },
    end: () => ending.abort(),
    ended: Promise.resolve(),
  };
  const options: TunnelsOptions = {
    kas,
    address,
    methods: new Map([
      [MAKE_REQUEST, makeRequest({ api, log, onAnswer: (status) => agent.statuses.push(status) })],
    ]),
    random: Math.random,
    log,
    signal: ending.signal,
    onChange: (counts) => {
      agent.counts = counts;
    },
    ...more,
  };
  agent.ended = keepTunnels(options);
  t.teardown(async () => {
    ending.abort();
    await agent.ended;
    api.close();
  });
  return agent;
}
