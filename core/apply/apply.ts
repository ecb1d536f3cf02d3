import { type ApplyError, type ApplyRecord, isHeldBack, type Outcome, type Waited } from '../model/apply.ts';
import type { Cluster, Resource } from '../model/cluster.ts';
import type { Manifest } from '../model/manifest.ts';
import type { KubeObject, ObjectId } from '../model/object.ts';
import type { Change } from '../model/plan.ts';
import { ProblemError } from '../model/problem.ts';
import type { Step } from '../plan/plan.ts';
import { publicWords, scrub } from '../plan/scrub.ts';
import { type Approval, asApproved, refuseOthers } from './approval.ts';
import { carryOut } from './carry-out.ts';
import type { Clock } from './clock.ts';
import { eventsOf } from './events.ts';
import { type Order, orderSteps } from './order.ts';
import { cutOff, failed, heldBack, settled } from './outcome.ts';
import { type FoundSet, widenSet } from './parent.ts';
import { changesOf, extentOf, type PlannedRun, planRun, type RunOptions } from './plan-run.ts';
import { planPrune, prune } from './prune.ts';
import { Readiness, type WaitOptions } from './readiness.ts';
import { beginning, ending, type RecordOptions, recordHealth, tellEvents } from './recorder.ts';
import { type Pruned, parentChange, settleSet } from './settle.ts';

export interface ApplyOptions extends Omit<RunOptions, 'economy' | 'full'> {
  /** Whether objects with changed immutable fields may be deleted and created again. */
  replace: boolean;
  /** Ask the server about everything first, and write nothing where anything could not be told. */
  preflight: boolean;
  /** Carry out this plan exactly, or nothing. */
  approval?: Approval;
  clock: Clock;
  /** Aborted when no further object may be begun. */
  stop: AbortSignal;
  /** Called once, before anything is written. */
  onPlanned?: (changes: readonly Change[]) => void;
  /** Wait until every object is well; absent: don't. */
  wait?: WaitOptions;
  /** In [0, 1), for the jitter of watches that are tried again; without it they have none. */
  random?: () => number;
  /** Called as each wave of objects begins, from 1. */
  onWave?: (number: number, of: number) => void;
  /** Called with each object that is about to be written, where it really is. */
  onBegin?: (change: Change) => void;
  /** Called for each object as it is done. */
  onOutcome?: (outcome: Outcome) => void;
  /** Called with each object that is as the manifests want it, as it is now. It holds real values: never print it. */
  onSettled?: (id: ObjectId, resource: Resource, live: KubeObject) => void;
  /** Called with what could not be told beside: Events on the parent of the set. */
  onNotice?: (text: string) => void;
}

/**
 * Brings the cluster to what the manifests say: the plan that `diff` shows, carried out in waves, then what left the
 * set is deleted. What became of each object is in the record; problems of the whole set (contradictions, circles,
 * no cluster, another plan than the approved one) throw ProblemError before anything is written.
 */
export async function applyManifests(
  cluster: Cluster,
  manifests: readonly Manifest[],
  options: ApplyOptions,
): Promise<ApplyRecord> {
  const { clock, applySet, preflight, approval } = options;
  const startedAt = timeOf(clock);
  const gate = approval ? options.gate.withDigests(approval.digest) : options.gate;
  const run = await planRun(cluster, manifests, { ...options, gate, economy: !preflight && !approval });
  // Contradictions of the order come to light before the parent is written.
  const order = orderSteps(run.steps);
  if (approval) refuseOthers(run, approval, options.namespace);
  const changes = changesOf(run);
  options.onPlanned?.(changes);
  const refuses = preflight && changes.some(({ action }) => action === 'unknown');
  const begun = { ...options, startedAt };
  const end = (outcomes: Outcome[], waited?: Waited): ApplyRecord => ({
    outcomes,
    startedAt,
    finishedAt: timeOf(clock),
    ...(applySet && { applySet: applySet.set }),
    ...(waited && { waited }),
  });
  if (refuses) return end(await refuse(cluster, run, changes, begun));
  const { stop, random = () => 0.5, wait } = options;
  const { discovery } = run;
  const values = once(() => manifests.flatMap(({ id, object }) => gate.values(id, object)));
  const known = once(() => manifests.flatMap(({ id }) => publicWords(id)));
  const readiness = new Readiness(order, {
    cluster,
    discovery,
    clock,
    random,
    stop,
    scrub: (text) => scrub(text, values(), known()),
    ...(wait && { wait }),
  });
  try {
    const outcomes = await write(cluster, run, { order, readiness }, begun);
    const finished = await readiness.finish(outcomes);
    if (!finished) return end(outcomes);
    await tellHealth(cluster, run, finished.outcomes, begun);
    return end(finished.outcomes, finished.waited);
  } finally {
    await readiness.close();
  }
}

type BegunOptions = ApplyOptions & { startedAt: string };

async function refuse(
  cluster: Cluster,
  run: PlannedRun,
  changes: readonly Change[],
  options: BegunOptions,
): Promise<Outcome[]> {
  const outcomes = changes.map(notBegun);
  for (const outcome of outcomes) options.onOutcome?.(outcome);
  // A set that has no parent yet does not get one for having been refused.
  if (!run.set?.live) return outcomes;
  return [...outcomes, ...(await settle(cluster, run, run.set, { outcomes, written: [] }, options))];
}

async function write(
  cluster: Cluster,
  run: PlannedRun,
  { order, readiness }: { order: Order; readiness: Readiness },
  options: BegunOptions,
): Promise<Outcome[]> {
  const { gate, clock, stop, conflicts = 'take', replace, applySet, startedAt, approval } = options;
  const { onOutcome = () => undefined, onBegin = () => undefined, onWave = () => undefined } = options;
  const { onSettled } = options;
  const { steps, discovery } = run;
  const { judgeAgain, planAgain } = approval ? asApproved(run, approval) : run;
  const version = applySet?.version ?? '';
  const begin = beginning(recordOf(options), { writes: willWrite(run), objects: steps.length, startedAt });
  const set = run.set && (await widenSet(cluster, discovery, run.set, extentOf(steps), version, begin));
  const desk = {
    cluster,
    gate,
    clock,
    conflicts,
    replace,
    takeOver: options.takeOver ?? new Set<string>(),
    exact: approval !== undefined,
    judgeAgain,
    onSettled: ({ change, resource }: Step, live: KubeObject) => {
      readiness.settled(change.id, live);
      onSettled?.(change.id, resource!, live);
    },
    // A CRD of this run may bring more.
    get servedVersions() {
      return run.servedVersions;
    },
  };
  const written = await carryOut(desk, steps, order, {
    stop,
    planAgain,
    readiness,
    onWave,
    onBegin,
    onOutcome,
  });
  if (!run.prune)
    return [
      ...written,
      ...(set ? await settle(cluster, run, set, { outcomes: written, written }, options) : []),
    ];
  const untold = run.prune.unknown.map((change) => untoldOutcome(change));
  untold.forEach(onOutcome);
  const { candidates, facts } = run.prune;
  const blocked = facts.blocked ?? blockedBy(written);
  const wasUntold = steps.some(({ change }) => change.action === 'unknown');
  const pruneSteps =
    blocked || wasUntold
      ? planPrune(candidates, { ...facts, ...(blocked && { blocked }) }, gate)
      : run.prune.steps;
  const { exact } = desk;
  const pruned = await prune(
    { cluster, gate, facts, propagation: applySet?.propagation, exact, stop, onOutcome },
    pruneSteps,
  );
  const isComplete = untold.length === 0 && !stop.aborted;
  const outcomes = [...untold, ...written, ...pruned];
  const done = { outcomes, written, ...(isComplete && { pruned: { planned: run.prune, pruned } }) };
  return [...outcomes, ...(set ? await settle(cluster, run, set, done, options) : [])];
}

/** Leaves the parent as it has to be. What can't be done about it must not hide what was done: it is an outcome. */
async function settle(
  cluster: Cluster,
  run: PlannedRun,
  set: FoundSet,
  { outcomes, written, pruned }: { outcomes: Outcome[]; written: Outcome[]; pruned?: Pruned },
  options: BegunOptions,
): Promise<Outcome[]> {
  const { gate, clock, stop, startedAt, applySet, onOutcome, onNotice = () => undefined } = options;
  const { version } = applySet!;
  const finishedAt = timeOf(clock);
  const objects = run.steps
    .filter(({ change }) => change.action !== 'skip')
    .map(({ change, manifest }) => ({ id: change.id, source: manifest.source }));
  const ended = { outcomes, objects, startedAt, finishedAt };
  const telling = ending(recordOf(options), ended);
  try {
    const now = await settleSet({ cluster, run, set, version, gate, telling }, written, pruned);
    await tellEvents({ cluster, discovery: run.discovery, onNotice }, set, now, {
      now: finishedAt,
      events: (_before, after) => eventsOf(after, outcomes),
    });
    return [];
  } catch (error) {
    const outcome = cutOff(parentChange(set), error, stop);
    onOutcome?.(outcome);
    return [outcome];
  }
}

/** Has the parent tell how the objects are. That it can't must not hide how they are. */
async function tellHealth(
  cluster: Cluster,
  { discovery }: PlannedRun,
  outcomes: readonly Outcome[],
  options: BegunOptions,
): Promise<void> {
  const { applySet, clock, stop, onNotice = () => undefined } = options;
  if (!applySet || stop.aborted) return;
  const { set, version } = applySet;
  const judged = outcomes.flatMap(({ change: { id }, health }) => (health ? [{ id, health }] : []));
  const desk = { cluster, discovery, version, record: recordOf(options), onNotice };
  try {
    await recordHealth(desk, set, judged, timeOf(clock));
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    onNotice(`the health is not recorded: ${error.problems[0]!.message}`);
  }
}

/** Whether any object is to be written or deleted. */
function willWrite({ steps, prune: planned }: PlannedRun): boolean {
  return (
    steps.some(({ change }) => !settled(change)) ||
    (planned?.steps ?? []).some(({ change, held }) => change.action === 'delete' && !held)
  );
}

function recordOf({ applySet }: ApplyOptions): RecordOptions {
  return applySet?.record ?? { facts: { source: {} } };
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

/** Makes a value when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
