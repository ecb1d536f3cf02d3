import { explain } from '../../core/apply/explain.ts';
import { planRun } from '../../core/apply/plan-run.ts';
import { findResource, splitObject } from '../../core/kube/resource-name.ts';
import type { Clock } from '../../core/model/clock.ts';
import type { Explanation } from '../../core/model/explain.ts';
import { formatObject, type ObjectId, objectKey } from '../../core/model/object.ts';
import type { Change } from '../../core/model/plan.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { parseSecretPath } from '../../core/plan/secret-path.ts';
import { explainExitCode, renderExplanation } from '../../core/report/explain-report.ts';
import { chooseSet } from '../choose-set.ts';
import { clockOf } from '../clock.ts';
import type { ExplainFlags } from '../commands/explain.ts';
import { checkInputs } from '../inputs.ts';
import { type Io, wantsColor } from '../io.ts';
import { Progress } from '../progress.ts';
import { withCluster } from '../with-cluster.ts';
import { type Looking, withDiscovery } from '../with-discovery.ts';

/** Runs `explain` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runExplain(flags: ExplainFlags, io: Io): Promise<number> {
  const words = flags.object ?? [];
  const called = splitObject(words);
  if (!called) {
    const what =
      words.length === 0 ? 'say which object' : `can't read the object ${JSON.stringify(words.join(' '))}`;
    throw new ProblemError({
      code: 'Usage',
      message: what,
      hint: 'name one: kubectl gitlab-agent explain deploy/web',
    });
  }
  const hasInputs = (flags.filename ?? []).length > 0 || flags.kustomize !== undefined;
  if (hasInputs) checkInputs(flags, 'explain', 'compare');
  const gate = new SecretGate((flags.secretPath ?? []).map(parseSecretPath));
  const told = await withDiscovery(flags, io, (looking) =>
    tell(looking, called, flags, { gate, clock: clockOf(io.signal) }),
  );
  const change = hasInputs ? await plannedChange(told, flags, io, gate) : undefined;
  const explanation: Explanation = { ...told, ...(change && { change }) };
  const style = { color: wantsColor(io, flags.color), width: io.columns, now: new Date() };
  io.out(renderExplanation(flags.output, explanation, style));
  return explainExitCode(explanation);
}

async function tell(
  { cluster, discovery, namespace, progress }: Looking,
  { kind, name }: { kind: string; name: string },
  { applyset }: ExplainFlags,
  { gate, clock }: { gate: SecretGate; clock: Clock },
): Promise<Explanation> {
  const resource =
    findResource(discovery, kind) ?? findResource(await cluster.discover({ refresh: true }), kind);
  if (!resource) {
    throw new ProblemError({
      code: 'KindNotServed',
      message: `the API server has no kind ${JSON.stringify(kind)}`,
      hint: 'kubectl api-resources lists the kinds',
    });
  }
  const id: ObjectId = {
    group: resource.group,
    version: resource.version,
    kind: resource.kind,
    ...(resource.namespaced && { namespace }),
    name,
  };
  progress.update(`looking at ${formatObject(id)} …`);
  const named =
    applyset === undefined
      ? undefined
      : await chooseSet(cluster, discovery, { applyset, namespace, command: 'explain' });
  return explain(cluster, discovery, { id, resource, named, namespace }, { gate, clock });
}

/** What an apply of the manifests at hand would do to the object, as a member of its set. */
async function plannedChange(
  { id, owner }: Explanation,
  flags: ExplainFlags,
  io: Io,
  gate: SecretGate,
): Promise<Change> {
  const progress = new Progress(io);
  try {
    return await withCluster(
      flags,
      io,
      { gate, progress, signal: io.signal },
      async ({ cluster, manifests, options }) => {
        const { namespace } = id;
        const wanted = manifests.filter((manifest) => {
          const within =
            namespace === undefined ? {} : { namespace: manifest.id.namespace ?? options.namespace };
          const { group, kind, name } = manifest.id;
          return objectKey({ group, kind, name, ...within }) === objectKey(id);
        });
        const change = async (): Promise<Change | undefined> => {
          const set = owner && {
            applySet: { set: owner.set, prune: false, pruneKinds: new Set<string>(), version: io.version },
          };
          const { steps } = await planRun(cluster, wanted, { ...options, ...set });
          return steps[0]?.change;
        };
        const planned = wanted.length > 0 ? await change() : undefined;
        return (
          planned ?? {
            id,
            action: 'skip',
            reason: 'NotInManifests',
            message: 'it is not in the manifests that are named',
          }
        );
      },
    );
  } finally {
    progress.end();
  }
}
