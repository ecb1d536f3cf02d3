import { applyManifests } from '../../core/apply/apply.ts';
import { type Approval, refuseOthers } from '../../core/apply/approval.ts';
import { orderSteps } from '../../core/apply/order.ts';
import { changesOf, planRun } from '../../core/apply/plan-run.ts';
import { type ApplyRecord, applyExitCode, type Outcome } from '../../core/model/apply.ts';
import { diffExitCode, summarize } from '../../core/model/plan.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { parseSecretPath } from '../../core/plan/secret-path.ts';
import { applyReport } from '../../core/report/apply-report.ts';
import { applySummaryText, outcomeName, outcomeText } from '../../core/report/apply-text.ts';
import { reportAsJson, reportAsYaml } from '../../core/report/diff-report.ts';
import { oneLine } from '../../core/report/escape.ts';
import { render } from '../../core/report/render.ts';
import { unwellText, waitedText } from '../../core/report/waited-text.ts';
import { clockOf } from '../clock.ts';
import type { ApplyFlags } from '../commands/apply.ts';
import { checkInputs } from '../inputs.ts';
import { type Io, wantsColor } from '../io.ts';
import { readPlanFile } from '../plan-file.ts';
import { onTermsOf } from '../plan-terms.ts';
import { Progress } from '../progress.ts';
import { readSet } from '../read-set.ts';
import { Stop } from '../stop.ts';
import { readWait } from '../wait-flags.ts';
import { type Prepared, withCluster } from '../with-cluster.ts';
import { ApplyView } from './apply-view.ts';
import { refuseElsewhere } from './approved-plan.ts';
import { recordOf } from './run-facts.ts';

/** Runs `apply` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runApply(given: ApplyFlags, io: Io): Promise<number> {
  checkInputs(given, 'apply', 'apply');
  if (given.rev?.includes('..')) {
    throw new ProblemError({
      code: 'Usage',
      message: `apply takes one revision, not ${given.rev}`,
      hint: 'kubectl gitlab-agent diff compares two',
    });
  }
  const wait = readWait(given);
  const approval = given.plan === undefined ? undefined : readPlanFile(given.plan, io);
  const flags = approval ? onTermsOf(given, approval.document) : given;
  const gate = new SecretGate((flags.secretPath ?? []).map(parseSecretPath));
  const progress = new Progress(io);
  const stop = new Stop(io.signal);
  try {
    return await withCluster(flags, io, { gate, progress, signal: stop.atOnce }, async (prepared) => {
      if (approval) await refuseElsewhere(approval, prepared);
      return isDryRun(flags.dryRun)
        ? showPlan(prepared, flags, io, { progress, approval })
        : carryOut(prepared, flags, io, { progress, stop, approval, wait });
    });
  } finally {
    stop.end();
    progress.end();
  }
}

async function showPlan(
  { cluster, manifests, options }: Prepared,
  flags: ApplyFlags,
  io: Io,
  { progress, approval }: { progress: Progress; approval: Approval | undefined },
): Promise<number> {
  const set = readSet(flags, { namespace: options.namespace, version: io.version });
  const gate = approval ? options.gate.withDigests(approval.digest) : options.gate;
  const { conflicts = 'take' } = flags;
  const run = await planRun(cluster, manifests, { ...options, ...set, gate, conflicts });
  orderSteps(run.steps);
  if (approval) refuseOthers(run, approval, options.namespace);
  const changes = changesOf(run);
  progress.end();
  const format = flags.output === 'text' ? 'unified' : flags.output;
  io.out(render(format, changes, { color: wantsColor(io, flags.color), width: io.columns }));
  return diffExitCode(summarize(changes));
}

interface Conduct {
  progress: Progress;
  stop: Stop;
  approval: Approval | undefined;
  wait: { timeout: number } | undefined;
}

async function carryOut(
  { cluster, manifests, options }: Prepared,
  flags: ApplyFlags,
  io: Io,
  { progress, stop, approval, wait }: Conduct,
): Promise<number> {
  const { output, conflicts = 'take', replace, preflight } = flags;
  const style = { color: wantsColor(io, flags.color), width: io.columns };
  const view = new ApplyView(() => Date.now());
  const tell = (outcome: Outcome): void => {
    view.end(outcome.change.id);
    const text =
      output === 'text' ? outcomeText(outcome, style) : output === 'name' ? outcomeName(outcome) : '';
    if (text) progress.aside(() => io.out(text));
  };
  const { applySet, adopted } = readSet(flags, { namespace: options.namespace, version: io.version });
  const record = await applyManifests(cluster, manifests, {
    ...options,
    ...(applySet && { applySet: { ...applySet, record: await recordOf(flags, io) }, adopted }),
    conflicts,
    replace,
    preflight,
    ...(approval && { approval }),
    ...(wait && { wait: { ...wait, onHealth: (unwell) => view.health(unwell) } }),
    clock: clockOf(stop.atOnce),
    random: Math.random,
    stop: io.signal,
    onPlanned: (changes) => {
      view.planned(changes.length);
      progress.show(() => view.view());
      stop.softly();
    },
    onWave: (number, of) => view.wave(number, of),
    onBegin: ({ id }) => view.begin(id),
    onOutcome: tell,
    onNotice: (text) => progress.say(`notice: ${oneLine(text)}`),
  });
  progress.end();
  const unwell = unwellText(record.outcomes, style);
  if (output === 'text') io.out(unwell + applySummaryText(record.outcomes, style) + waitedText(record));
  else if (output !== 'name') io.out(report(record, output));
  // Names are for programs; why the exit code is 1 is for whoever reads on.
  else if (unwell) io.err(unwell + waitedText(record));
  return applyExitCode(record.outcomes);
}

function report(record: ApplyRecord, output: 'json' | 'yaml'): string {
  return (output === 'json' ? reportAsJson : reportAsYaml)(applyReport(record));
}

/** kubectl's values; a bare `--dry-run` is meant as `server`, which is the only kind there is here. */
function isDryRun(value: string | undefined): boolean {
  if (value === undefined || value === 'none' || value === 'false') return false;
  if (value === '' || value === 'server' || value === 'true') return true;
  throw new ProblemError({
    code: 'Usage',
    message: `--dry-run can't be ${JSON.stringify(value)}`,
    hint: 'it is server or none; --dry-run alone means server',
  });
}
