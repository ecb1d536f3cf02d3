import { setTimeout as pause } from 'node:timers/promises';
import { load } from 'js-yaml';
import type { Cluster, Resource } from '../../core/model/cluster.ts';
import { dig, isObject, type Json } from '../../core/model/json.ts';

/** What an agent says of itself once it works. */
export interface AgentReport {
  version: string;
  /** The commit whose configuration is in force; absent where none is yet. */
  configuration?: string;
  /** Names of the entries that are in force. */
  entries: string[];
  /** What is wrong with the configuration. */
  problems: string[];
}

/** Where nobody reported: what is known of the agent. */
export type Awaited = { report: AgentReport } | { silence: string };

export interface AwaitOptions {
  namespace: string;
  agent: string;
  /** In ms. */
  timeout: number;
  signal: AbortSignal;
}

const EVERY = 500;

const resource = (group: string, version: string, kind: string, plural: string): Resource => ({
  group,
  version,
  kind,
  plural,
  namespaced: true,
  verbs: [],
});
const LEASE = resource('coordination.k8s.io', 'v1', 'Lease', 'leases');
const CONFIG_MAP = resource('', 'v1', 'ConfigMap', 'configmaps');

/**
 * Waits until the agent leads and tells of a configuration, good or broken. That it works now is told by its Lease:
 * it is renewed while one looks, whatever the clocks say.
 */
export async function awaitReport(
  cluster: Cluster,
  { namespace, agent, timeout, signal }: AwaitOptions,
): Promise<Awaited> {
  const name = `gitlab-agent.${agent}`;
  const ends = performance.now() + timeout;
  let first: string | undefined;
  let isAlive = false;
  let silence = 'nobody holds its Lease';
  for (;;) {
    const lease = await cluster.get({ resource: LEASE, namespace, name });
    const renewed = lease.ok ? String(dig(lease.value, 'spec', 'renewTime') ?? '') : '';
    const holder = lease.ok ? dig(lease.value, 'spec', 'holderIdentity') : undefined;
    if (lease.ok) {
      isAlive ||= Boolean(holder) && first !== undefined && renewed !== first;
      first ??= renewed;
      silence = holder ? 'its Lease is not renewed' : 'nobody holds its Lease';
    } else if (lease.failure.status === 404) first ??= '';
    else silence = `its Lease can't be read: ${lease.failure.message}`;
    if (isAlive) {
      const record = await cluster.get({ resource: CONFIG_MAP, namespace, name });
      const report = record.ok ? reportOf(dig(record.value, 'data', 'status')) : undefined;
      if (report && (report.configuration !== undefined || report.problems.length > 0)) return { report };
      silence = report
        ? 'it has not read its configuration yet'
        : record.ok || record.failure.status === 404
          ? 'it has not said anything yet'
          : `its ConfigMap can't be read: ${record.failure.message}`;
    }
    if (performance.now() >= ends) return { silence };
    await pause(EVERY, undefined, { signal });
  }
}

function reportOf(text: Json | undefined): AgentReport | undefined {
  let status: unknown;
  try {
    status = typeof text === 'string' ? load(text) : undefined;
  } catch {
    return undefined;
  }
  if (!isObject(status)) return undefined;
  const texts = (value: Json | undefined): string[] => (Array.isArray(value) ? value.map(String) : []);
  const applied = dig(status, 'configuration', 'applied');
  return {
    version: String(status.version ?? ''),
    ...(typeof applied === 'string' && { configuration: applied }),
    entries: texts(status.entries),
    problems: texts(dig(status, 'configuration', 'problems')),
  };
}
