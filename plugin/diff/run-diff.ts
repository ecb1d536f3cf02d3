import { diffExitCode, type Plan, summarize } from '../../core/model/plan.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { planSet } from '../../core/plan/plan.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { parseSecretPath } from '../../core/plan/secret-path.ts';
import { render } from '../../core/report/render.ts';
import type { DiffFlags } from '../commands/diff.ts';
import { checkInputs, readInputs } from '../inputs.ts';
import { type Io, wantsColor } from '../io.ts';
import { Progress } from '../progress.ts';
import { readSet } from '../read-set.ts';
import { withCluster } from '../with-cluster.ts';
import { compareRevisions, splitRange } from './revisions.ts';

/** Runs `diff` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runDiff(flags: DiffFlags, io: Io): Promise<number> {
  if ((flags.filename ?? []).length === 0 && flags.kustomize === undefined) {
    const { runAgentDiff } = await import('./agent-diff.ts');
    return runAgentDiff(flags, io);
  }
  if (flags.agent !== undefined)
    throw new ProblemError({
      code: 'Usage',
      message: `diff takes either files or an agent, not also ${JSON.stringify(flags.agent)}`,
      hint: `did you mean -f ${flags.agent}?`,
    });
  checkInputs(flags, 'diff', 'compare');
  checkPlanFlags(flags);
  const { output } = flags;
  if (output === 'plan') {
    const { savePlan } = await import('./save-plan.ts');
    return savePlan(flags, io);
  }
  const gate = new SecretGate((flags.secretPath ?? []).map(parseSecretPath));
  const range = splitRange(flags.rev);
  const progress = new Progress(io);
  let plan: Plan;
  try {
    plan = range
      ? await compareRevisions(
          range,
          gate,
          (revision, allowAbsent) => readInputs(flags, io, progress, { revision, allowAbsent }),
          flags.kustomize === undefined ? 'path' : 'kustomization',
        )
      : await withCluster(
          flags,
          io,
          { gate, progress, signal: io.signal },
          async ({ cluster, manifests, options }) => {
            const wanted = { ...options, full: flags.full, conflicts: flags.conflicts ?? 'take' };
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
  io.out(render(output, plan.changes, { color: wantsColor(io, flags.color), width: io.columns }));
  return diffExitCode(summarize(plan.changes));
}

/** Refuses what only makes sense of a plan in a file, and a plan that nothing can be done with. */
function checkPlanFlags({ output, out, replace, rev }: DiffFlags): void {
  const refuse = (message: string, hint: string): never => {
    throw new ProblemError({ code: 'Usage', message, hint });
  };
  if (output !== 'plan') {
    if (out !== undefined) refuse('--out is for -o plan', 'other formats go to standard output');
    if (replace) refuse('--replace is for -o plan', 'without it, diff shows what would have to be replaced');
    return;
  }
  if (out === undefined) refuse('-o plan needs a file', 'name it: --out FILE');
  if (out === '' || out === '-') refuse('--out takes the name of a file', 'its key is written beside it');
  if (splitRange(rev)) refuse('a plan is made against a cluster', 'name one revision: --rev B');
}
