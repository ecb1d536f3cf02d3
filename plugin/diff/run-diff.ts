import { diffExitCode, type Plan, summarize } from '../../core/model/plan.ts';
import { planSet } from '../../core/plan/plan.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { parseSecretPath } from '../../core/plan/secret-path.ts';
import { render } from '../../core/report/render.ts';
import type { DiffFlags } from '../commands/diff.ts';
import { checkInputs, readInputs } from '../inputs.ts';
import { type Io, wantsColor } from '../io.ts';
import { Progress } from '../progress.ts';
import { readSet } from '../set-flags.ts';
import { withCluster } from '../with-cluster.ts';
import { compareRevisions, splitRange } from './revisions.ts';

/** Runs `diff` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runDiff(flags: DiffFlags, io: Io): Promise<number> {
  checkInputs(flags, 'diff', 'compare');
  const gate = new SecretGate((flags.secretPath ?? []).map(parseSecretPath));
  const range = splitRange(flags.rev);
  const progress = new Progress(io);
  let plan: Plan;
  try {
    plan = range
      ? await compareRevisions(range, gate, (revision, allowAbsent) =>
          readInputs(flags, io, progress, { revision, allowAbsent }),
        )
      : await withCluster(
          flags,
          io,
          { gate, progress, signal: io.signal },
          async ({ cluster, manifests, options }) => {
            const wanted = { ...options, full: flags.full };
            const set = readSet(flags, { namespace: options.namespace, version: io.version });
            if (!set.applySet) return planSet(cluster, manifests, wanted);
            // Code that a diff without a set can do without.
            const { changesOf, planRun } = await import('../../core/apply/plan-run.ts');
            return { changes: changesOf(await planRun(cluster, manifests, { ...wanted, ...set })) };
          },
        );
  } finally {
    progress.end();
  }
  io.out(render(flags.output, plan.changes, { color: wantsColor(io, flags.color), width: io.columns }));
  return diffExitCode(summarize(plan.changes));
}
