import { identify } from '../../core/apply/cluster-identity.ts';
import { orderSteps } from '../../core/apply/order.ts';
import { planDocument } from '../../core/apply/plan-document.ts';
import { changesOf, planRun } from '../../core/apply/plan-run.ts';
import { diffExitCode, summarize } from '../../core/model/plan.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { parseSecretPath } from '../../core/plan/secret-path.ts';
import { render } from '../../core/report/render.ts';
import type { DiffFlags } from '../commands/diff.ts';
import { type Io, wantsColor } from '../io.ts';
import { keyToSaveWith, refuseOtherFile, savePlanFile } from '../plan-file.ts';
import { termsOf } from '../plan-terms.ts';
import { Progress } from '../progress.ts';
import { readSet } from '../read-set.ts';
import { withCluster } from '../with-cluster.ts';

/** Runs `diff -o plan --out FILE` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function savePlan(flags: DiffFlags, io: Io): Promise<number> {
  const file = flags.out!;
  refuseOtherFile(file, io);
  const key = keyToSaveWith(file, io);
  const gate = new SecretGate((flags.secretPath ?? []).map(parseSecretPath), key.digest);
  const progress = new Progress(io);
  try {
    const { changes, document } = await withCluster(
      flags,
      io,
      { gate, progress, signal: io.signal },
      async (prepared) => {
        const { cluster, server, manifests, options } = prepared;
        const { namespace, ignore = [] } = options;
        const terms = termsOf(flags, ignore, key.digest);
        const { conflicts } = terms;
        const set = readSet(flags, { namespace, version: io.version });
        const [identity, run] = await Promise.all([
          identify(cluster, server),
          planRun(cluster, manifests, { ...options, ...set, full: flags.full, conflicts }),
        ]);
        orderSteps(run.steps);
        const facts = {
          tool: `gitlab-agent/v${io.version}`,
          createdAt: new Date().toISOString(),
          cluster: identity,
          namespace,
          inputs: inputsOf(flags),
          ...(set.applySet && { applySet: set.applySet.set }),
          terms,
        };
        return { changes: changesOf(run), document: planDocument(run, facts, key.digest) };
      },
    );
    savePlanFile(file, document, key, io);
    progress.end();
    io.out(render('summary', changes, { color: wantsColor(io, flags.color), width: io.columns }));
    if (key.text !== undefined)
      progress.say(`notice: the key of the plan is in ${file}.key: apply --plan needs it`);
    const { unknown } = document.summary;
    if (unknown > 0)
      progress.say(`notice: ${unknown} of the objects could not be told: apply --plan will refuse this plan`);
    return diffExitCode(summarize(changes));
  } finally {
    progress.end();
  }
}

/** What was read, for those who read the plan. */
function inputsOf({
  filename,
  recursive,
  kustomize,
  rev,
}: DiffFlags): Record<string, string | boolean | string[]> {
  return {
    ...(filename && { filename, recursive }),
    ...(kustomize !== undefined && { kustomize }),
    ...(rev !== undefined && { rev }),
  };
}
