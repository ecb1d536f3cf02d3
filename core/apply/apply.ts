import { type ApplyError, type ApplyRecord, isHeldBack, type Outcome } from '../model/apply.ts';
import type { Cluster } from '../model/cluster.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Change } from '../model/plan.ts';
import { carryOut } from './carry-out.ts';
import type { Clock } from './clock.ts';
import { orderSteps } from './order.ts';
import { cutOff, failed, heldBack, settled } from './outcome.ts';
import { widenSet } from './parent.ts';
import { changesOf, extentOf, type PlannedRun, planRun, type RunOptions } from './plan-run.ts';
import { planPrune, prune } from './prune.ts';
import { type Pruned, parentChange, settleSet } from './settle.ts';

export interface ApplyOptions extends Omit<RunOptions, 'economy' | 'full'> {
  /** Whether objects with changed immutable fields may be deleted and created again. */
  replace: boolean;
  /** Ask the server about everything first, and write nothing where anything could not be told. */
  preflight: boolean;
  clock: Clock;
  /** Aborted when no further object may be begun. */
  stop: AbortSignal;
  /** Called once, before anything is written. */
  onPlanned?: (changes: readonly Change[]) => void;
  /** Called for each object as it is done. */
  onOutcome?: (outcome: Outcome) => void;
}

/**
 * Brings the cluster to what the manifests say: the plan that `diff` shows, carried out in waves, then what left the
 * set is deleted. What became of each object is in the record; problems of the whole set (contradictions, circles,
 * no cluster) throw ProblemError before anything is written.
 */
export async function applyManifests(
  cluster: Cluster,
  manifests: readonly Manifest[],
  options: ApplyOptions,
): Promise<ApplyRecord> {
  const { clock, applySet } = options;
  const startedAt = timeOf(clock);
  const run = await planRun(cluster, manifests, { ...options, economy: !options.preflight });
  // Contradictions of the order come to light before the parent is written.
  orderSteps(run.steps);
  const changes = changesOf(run);
  options.onPlanned?.(changes);
  let outcomes: Outcome[];
  if (options.preflight && changes.some(({ action }) => action === 'unknown')) {
    outcomes = changes.map(notBegun);
    for (const outcome of outcomes) options.onOutcome?.(outcome);
  } else outcomes = await write(cluster, run, options);
  const finishedAt = timeOf(clock);
  return { outcomes, startedAt, finishedAt, ...(applySet && { applySet: applySet.set }) };
}

async function write(cluster: Cluster, run: PlannedRun, options: ApplyOptions): Promise<Outcome[]> {
  const { gate, clock, stop, conflicts = 'take', replace, applySet, onOutcome = () => undefined } = options;
  const { steps, judgeAgain, planAgain, discovery } = run;
  const version = applySet?.version ?? '';
  const set = run.set && (await widenSet(cluster, discovery, run.set, extentOf(steps), version));
  const desk = {
    cluster,
    gate,
    clock,
    conflicts,
    replace,
    judgeAgain,
    // A CRD of this run may bring more.
    get servedVersions() {
      return run.servedVersions;
    },
  };
  const written = await carryOut(desk, steps, { stop, planAgain, onOutcome });
  // What can't be done about the parent must not hide what was done.
  const settle = async (pruned?: Pruned): Promise<Outcome[]> => {
    if (!set) return [];
    try {
      await settleSet({ cluster, run, set, version, gate }, written, pruned);
      return [];
    } catch (error) {
      const outcome = cutOff(parentChange(set), error, stop);
      onOutcome(outcome);
      return [outcome];
    }
  };
  if (!run.prune) return [...written, ...(await settle())];
  const untold = run.prune.unknown.map((change) => untoldOutcome(change));
  untold.forEach(onOutcome);
  const { candidates, facts } = run.prune;
  const blocked = facts.blocked ?? blockedBy(written);
  const pruneSteps = blocked ? planPrune(candidates, { ...facts, blocked }, gate) : run.prune.steps;
  const pruned = await prune({ cluster, gate, facts, stop, onOutcome }, pruneSteps);
  const isComplete = untold.length === 0 && !stop.aborted;
  const parent = isComplete ? settle({ planned: run.prune, pruned }) : settle();
  return [...untold, ...written, ...pruned, ...(await parent)];
}

function blockedBy(written: readonly Outcome[]): ApplyError | undefined {
  const wrong = written.filter((outcome) => outcome.result === 'failed' || isHeldBack(outcome)).length;
  if (wrong === 0) return undefined;
  const message = `nothing is deleted because ${wrong} of the set failed or were held back`;
  return { reason: 'PruneBlocked', message };
}

function notBegun(change: Change): Outcome {
  const message = 'nothing is written, because other objects of the set could not be told';
  return settled(change) ?? heldBack(change, { reason: 'Preflight', message });
}

function untoldOutcome(change: Change): Outcome {
  const { reason = 'Unknown', message = '' } = change;
  return failed(change, { reason, message });
}

function timeOf(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
