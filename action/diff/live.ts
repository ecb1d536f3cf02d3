import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { identify } from '../../core/apply/cluster-identity.ts';
import { planDocument } from '../../core/apply/plan-document.ts';
import { decodePlanKey, NEW_PLAN_KEY, PLAN_KEY_VARIABLE } from '../../core/apply/plan-key.ts';
import { changesOf, planRun } from '../../core/apply/plan-run.ts';
import { connect } from '../../core/kube/cluster.ts';
import type { Connection } from '../../core/kube/connection.ts';
import { loadKubeconfig } from '../../core/kube/kubeconfig.ts';
import { loadConnection } from '../../core/kube/load-connection.ts';
import type { ManifestEntry } from '../../core/model/agent-config.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import type { Change } from '../../core/model/plan.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { digestWith } from '../../core/plan/digest.ts';
import { ListAhead } from '../../core/plan/list-ahead.ts';
import { scrub } from '../../core/plan/scrub.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { reportAsJson } from '../../core/report/diff-report.ts';
import { oneLine } from '../../core/report/escape.ts';
import type { Desk } from '../desk.ts';

/** A cluster to compare with, and what it is called. */
export interface LiveCluster {
  name: string;
  connection: Connection;
}

/** The cluster to compare with, if there is one. Throws ProblemError where one is asked for that is not there. */
export async function chooseCluster(desk: Desk): Promise<LiveCluster | undefined> {
  if (desk.inputs.agentServer !== undefined)
    return (await import('./agent-server.ts')).clusterBehind(desk, desk.inputs.agentServer);
  const name = chooseKubeContext(desk);
  const { env } = desk;
  return name === undefined
    ? undefined
    : { name, connection: loadConnection({ context: name }, { env, homedir: env.HOME || homedir() }) };
}

function chooseKubeContext({ inputs, env }: Desk): string | undefined {
  const { kubeContext, agent, configProject, against } = inputs;
  if (!env.KUBECONFIG && kubeContext === undefined) {
    if (against !== 'live') return undefined;
    throw problem(
      'there is no cluster to compare with: KUBECONFIG is not set',
      'is the project authorized for an agent (ci_access)?',
    );
  }
  const { config } = loadKubeconfig(undefined, env, env.HOME || homedir());
  // GitLab's agents give jobs contexts that are called after their project and themselves.
  const ofAgent =
    agent !== undefined && configProject !== undefined ? `${configProject}:${agent}` : undefined;
  const wanted =
    kubeContext ?? (ofAgent && config.contexts.has(ofAgent) ? ofAgent : env.KUBE_CONTEXT || undefined);
  const chosen = wanted ?? config.currentContext;
  if (chosen && config.contexts.has(chosen)) return chosen;
  if (wanted === undefined && against !== 'live') return undefined;
  const names = [...config.contexts.keys()].join(', ') || 'none';
  throw problem(
    chosen ? `KUBECONFIG has no context ${JSON.stringify(chosen)}` : 'no kube context is chosen',
    `name one with input kube_context; there are: ${names}`,
  );
}

export interface LiveOptions {
  manifests: readonly Manifest[];
  commit: string;
  entry?: ManifestEntry;
}

/** A cluster that is being asked already while manifests are read. */
export interface Live extends Disposable {
  /** Begins to list objects like this one. */
  note(manifest: Manifest): void;
  /** What the manifests would change in it. Writes the plan file where one is asked for. */
  plan(options: LiveOptions): Promise<Change[]>;
}

/** Connects to the cluster. `namespace` is that of objects that name none. */
export function openLive(desk: Desk, connection: Connection, namespace: string): Live {
  const { inputs, env, signal, version } = desk;
  const home = env.HOME || homedir();
  const key = inputs.planFile === undefined ? undefined : planKey(env);
  const digest = key && digestWith(key);
  const gate = digest ? new SecretGate([], digest) : new SecretGate();
  const cluster = connect(connection, {
    version,
    signal,
    cacheDir: env.KUBECACHEDIR || join(home, '.kube', 'cache'),
  });
  // Whether it answers at all is asked again by the plan.
  cluster.discover().catch(() => undefined);
  const ahead = new ListAhead(cluster, namespace);
  const plan = async ({ manifests, commit, entry }: LiveOptions): Promise<Change[]> => {
    const conflicts = entry?.conflicts ?? 'take';
    // A plan file holds what `apply --plan` is given: it has no rules of an entry's.
    const ignore = digest ? [] : (entry?.ignore ?? []);
    const options = { namespace, enforceNamespace: false, ignore, gate, conflicts, ahead };
    const run = await planRun(cluster, manifests, { ...options, ...(!digest && { onlyChanges: true }) });
    if (digest) {
      const facts = {
        tool: `gitlab-agent/v${version}`,
        createdAt: new Date(desk.now()).toISOString(),
        cluster: await identify(cluster, connection.server),
        namespace,
        inputs: { paths: inputs.paths, rev: commit },
        terms: { conflicts, replace: false, prune: false, adoptSet: [], takeOver: [], secretPath: [] },
      };
      writePlan(desk, reportAsJson(planDocument(run, facts, digest)));
    }
    const values =
      cluster.warnings.length > 0 ? manifests.flatMap(({ id, object }) => gate.values(id, object)) : [];
    for (const warning of cluster.warnings) desk.host.warn(oneLine(scrub(warning, values)));
    return changesOf(run);
  };
  return { note: (manifest) => ahead.note(manifest), plan, [Symbol.dispose]: () => cluster.close() };
}

function writePlan({ cwd, inputs }: Desk, text: string): void {
  const file = inputs.planFile!;
  try {
    writeFileSync(resolve(cwd, file), text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ProblemError({ code: 'PlanFile', message: `the plan can't be written: ${code}`, file });
  }
}

/** Beside the plan, the key would be an artefact for everybody: it comes from a masked variable. */
function planKey(env: Desk['env']): Buffer {
  const given = env[PLAN_KEY_VARIABLE];
  if (given) return decodePlanKey(given, PLAN_KEY_VARIABLE);
  throw problem(
    `plan_file needs its key in the variable ${PLAN_KEY_VARIABLE}`,
    `set it, masked, to the output of: ${NEW_PLAN_KEY}`,
  );
}

function problem(message: string, hint: string): ProblemError {
  return new ProblemError({ code: 'KubeContext', message, hint });
}
