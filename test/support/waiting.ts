/** What tests of waiting do. */
import type { Awaited } from '../../core/health/awaited.ts';
import { waitHealthy } from '../../core/health/health-watch.ts';
import { connect } from '../../core/kube/cluster.ts';
import { loadConnection } from '../../core/kube/load-connection.ts';
import type { ObjectHealth, WaitEnd } from '../../core/model/health.ts';
import { kindKey } from '../../core/plan/crd.ts';
import { wallClock } from './apply.ts';
import { readText, type Stage } from './plan.ts';

export interface WaitTextOptions {
  timeout?: number;
  kubeconfig?: string;
  stop?: AbortSignal;
  onHealth?: (unwell: readonly ObjectHealth[]) => void;
}

/** Waits for the objects of a text, with a connection of its own. */
export async function waitText(
  on: Stage,
  yaml: string,
  options: WaitTextOptions = {},
): Promise<{ end: WaitEnd; objects: ObjectHealth[] }> {
  const { timeout = 40_000, kubeconfig = on.endpoint.kubeconfig, onHealth } = options;
  const { stop = new AbortController().signal } = options;
  const signal = new AbortController().signal;
  const connection = loadConnection({ kubeconfig }, { env: {}, homedir: '/' });
  const cluster = connect(connection, { version: 'waiting', signal });
  try {
    const discovery = await cluster.discover();
    const awaited = (await readText(yaml, on.namespace)).map(({ id }): Awaited => {
      const resource = discovery.resources.find((one) => kindKey(one) === kindKey(id))!;
      return { id: { ...id, namespace: on.namespace }, resource };
    });
    return await waitHealthy(cluster, awaited, {
      discovery,
      clock: wallClock,
      random: Math.random,
      signal,
      timeout,
      stop,
      ...(onHealth && { onHealth }),
    });
  } finally {
    cluster.close();
  }
}

/** `degraded CrashLoopBackOff`. */
export function healthText({ health: { status, reason } }: ObjectHealth): string {
  return `${status} ${reason}`;
}
