/** What tests of apply do: carry YAML text out as the command would, and hold what it says against the cluster. */
import { setTimeout as pause } from 'node:timers/promises';
import { type ApplyOptions, applyManifests } from '../../core/apply/apply.ts';
import type { Clock } from '../../core/apply/clock.ts';
import { changesOf, type PlannedRun, planRun, type RunOptions } from '../../core/apply/plan-run.ts';
import { connect } from '../../core/kube/cluster.ts';
import { loadConnection } from '../../core/kube/load-connection.ts';
import type { ApplyRecord, Outcome } from '../../core/model/apply.ts';
import type { Cluster } from '../../core/model/cluster.ts';
import type { Change } from '../../core/model/plan.ts';
import type { Digest } from '../../core/plan/digest.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { type AuditEntry, recordRequests } from './control-plane/audit.ts';
import { readText, type Stage } from './plan.ts';

export const wallClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => pause(ms, undefined, { ...(signal && { signal }) }),
};

export interface ApplyTextOptions extends Partial<ApplyOptions> {
  /** Another way to the API server, such as a front. */
  server?: string;
  /** As another user. */
  kubeconfig?: string;
  /** What somebody does between the plan and the first write. */
  beforeWrites?: () => Promise<unknown>;
  /** What somebody does before any write: `apply web`, `delete web`. */
  beforeWrite?: (what: string) => Promise<unknown>;
}

/** Applies as one command would: with a connection and a discovery of its own. */
export function applyText(on: Stage, yaml: string, options: ApplyTextOptions = {}): Promise<ApplyRecord> {
  const { server, kubeconfig, beforeWrites, beforeWrite = once(beforeWrites), ...rest } = options;
  return connected(
    server ? { server } : { kubeconfig: kubeconfig ?? on.endpoint.kubeconfig },
    async (direct) => {
      const cluster = beforeWrite ? disturbed(direct, beforeWrite) : direct;
      return applyManifests(cluster, await readText(yaml, on.namespace), {
        ...planOptions(on),
        replace: false,
        preflight: false,
        clock: wallClock,
        random: Math.random,
        stop: new AbortController().signal,
        ...rest,
      });
    },
  );
}

/** The changes that a run would make. */
export async function planText(
  on: Stage,
  yaml: string,
  options: Partial<RunOptions> = {},
): Promise<Change[]> {
  return changesOf(await runOfText(on, yaml, options));
}

/** The whole plan of a run, with digests in place of secret values where they are given. */
export function runOfText(
  on: Stage,
  yaml: string,
  options: Partial<RunOptions> = {},
  digest?: Digest,
): Promise<PlannedRun> {
  return connected({ kubeconfig: on.endpoint.kubeconfig }, async (cluster) => {
    const manifests = await readText(yaml, on.namespace);
    return planRun(cluster, manifests, { ...planOptions(on), gate: new SecretGate([], digest), ...options });
  });
}

const planOptions = ({ namespace }: Stage): RunOptions => ({
  namespace,
  enforceNamespace: false,
  gate: new SecretGate(),
});

/** Uses a connection of its own to the cluster. */
export async function connected<T>(
  flags: { server: string } | { kubeconfig: string },
  use: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const connection = loadConnection(flags, { env: {}, homedir: '/' });
  const cluster = connect(connection, { version: 'test', signal: new AbortController().signal });
  try {
    return await use(cluster);
  } finally {
    cluster.close();
  }
}

function once(act: ApplyTextOptions['beforeWrites']): ApplyTextOptions['beforeWrite'] {
  let acted: Promise<unknown> | undefined;
  return (
    act &&
    (() => {
      acted ??= act();
      return acted;
    })
  );
}

/** A cluster in which somebody does something before any write. */
export function disturbed(cluster: Cluster, act: (what: string) => Promise<unknown>): Cluster {
  return {
    ...cluster,
    discover: (options) => cluster.discover(options),
    apply: async (ref, object, options) => {
      if (!options.dryRun) await act(`apply ${ref.name}`);
      return cluster.apply(ref, object, options);
    },
    delete: async (ref, options) => {
      if (!options.dryRun) await act(`delete ${ref.name}`);
      return cluster.delete(ref, options);
    },
  };
}

/** `ConfigMap/web` → what became of it: `applied update data.a`, `failed Invalid`, `skipped DependencyFailed`, … */
export function became({ outcomes }: Pick<ApplyRecord, 'outcomes'>): Record<string, string> {
  return Object.fromEntries(outcomes.map((outcome) => [nameOf(outcome), told(outcome)]));
}

function nameOf({ change: { id } }: Outcome): string {
  return `${id.kind}/${id.name}`;
}

function told({ change, result, error }: Outcome): string {
  if (error) return `${result} ${error.reason}`;
  if (result === 'unchanged') return result;
  const paths = change.fields?.map(({ path }) => path) ?? [];
  return [result, change.action, ...(change.reason ? [change.reason] : []), ...paths].join(' ');
}

/** Applies, and returns the requests that would have written meanwhile, whoever they came from in the namespace. */
export async function writesOf(on: Stage, run: () => Promise<unknown>): Promise<AuditEntry[]> {
  const entries = await recordRequests(on.endpoint, run);
  return entries.filter(
    ({ verb, dryRun, userAgent, namespace, name }) =>
      !dryRun &&
      !['get', 'list', 'watch'].includes(verb) &&
      userAgent.startsWith('kubectl-gitlab-agent') &&
      (namespace === on.namespace || name.includes(on.namespace)),
  );
}
