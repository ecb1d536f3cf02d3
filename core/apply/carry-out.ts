import type { ApplyError, Outcome } from '../model/apply.ts';
import { formatObject } from '../model/object.ts';
import type { Change } from '../model/plan.ts';
import { isCrd } from '../plan/crd.ts';
import type { Step } from '../plan/plan.ts';
import { poll } from './clock.ts';
import { untilEstablished, untilServed } from './established.ts';
import type { Order } from './order.ts';
import { cutOff, failed, heldBack, INTERRUPTED, settled } from './outcome.ts';
import type { Readiness } from './readiness.ts';
import { sideBySide } from './side-by-side.ts';
import { type Desk, writeStep } from './write.ts';

const UNTIL_KNOWN = { first: 100, longest: 500, total: 3000 };

export interface CarryOutOptions {
  /** No further object is begun once this is aborted. */
  stop: AbortSignal;
  /** Plans again what waited for a CRD of this run. */
  planAgain: (steps: readonly Step[]) => Promise<readonly Step[]>;
  /** Says what has to be well first. */
  readiness: Readiness;
  /** Called as each wave begins, from 1. */
  onWave: (number: number, of: number) => void;
  /** Called with an object that is about to be written. */
  onBegin: (change: Change) => void;
  onOutcome: (outcome: Outcome) => void;
}

/**
 * Writes the steps wave by wave and tells what became of each, in the order of the steps. One object's failure stops
 * only those that need it.
 */
export async function carryOut(
  desk: Desk,
  steps: readonly Step[],
  order: Order,
  options: CarryOutOptions,
): Promise<Outcome[]> {
  const { readiness } = options;
  const outcomes = new Map<Step, Outcome>();
  const newest = new Map<Step, Step>();
  for (const [index, wave] of order.waves.entries()) {
    options.onWave(index + 1, order.waves.length);
    await refresh(desk, wave, { order, outcomes, newest, ...options });
    const now = wave.map((step) => newest.get(step) ?? step);
    const hold = await readiness.beforeWave(wave, now);
    const carry = async (step: Step): Promise<void> => {
      const needed = order.needs.get(step) ?? [];
      const now = newest.get(step) ?? step;
      const first = await finish(desk, now, needed, { outcomes, hold, origin: step, ...options });
      const isYoung = now !== step && first.error?.reason === 'Invalid';
      const outcome = isYoung
        ? await insist(desk, now, needed, first, { outcomes, hold, origin: step, ...options })
        : first;
      outcomes.set(step, outcome);
      readiness.done(step, now, outcome);
      options.onOutcome(outcome);
    };
    // Those that wait for others must not take the turns of those that need not.
    const { late = [], early = [] } = Object.groupBy(wave, (step) =>
      readiness.delays(step) ? 'late' : 'early',
    );
    await Promise.all([sideBySide(early, carry), sideBySide(late, carry)]);
  }
  return steps.map((step) => outcomes.get(step)!);
}

interface Progress extends CarryOutOptions {
  outcomes: ReadonlyMap<Step, Outcome>;
  /** Why nothing of this wave is written. */
  hold: ApplyError | undefined;
  /** The step as it was first planned. */
  origin: Step;
}

async function finish(
  desk: Desk,
  step: Step,
  needed: readonly Step[],
  { outcomes, hold, origin, stop, readiness, onBegin }: Progress,
): Promise<Outcome> {
  const { change } = step;
  const done = settled(change);
  if (done?.result === 'unchanged' && step.live) desk.onSettled(step, step.live);
  if (done) return done;
  if (stop.aborted) return heldBack(change, INTERRUPTED);
  const missing = needed.find((one) => outcomes.get(one)!.error);
  if (missing) return heldBack(change, withoutNeeded(missing, outcomes.get(missing)!));
  if (hold) return heldBack(change, hold);
  try {
    const unready = await readiness.beforeStep(origin);
    if (unready) return heldBack(change, unready);
    if (stop.aborted) return heldBack(change, INTERRUPTED);
    onBegin(change);
    const outcome = await writeStep(desk, step);
    if (outcome.result !== 'applied' || !isCrd(change.id)) return outcome;
    const ref = { resource: step.resource!, name: change.id.name };
    const error = await untilEstablished(desk.cluster, desk.clock, ref);
    return error ? failed(outcome.change, error) : outcome;
  } catch (error) {
    return cutOff(change, error, stop);
  }
}

/** A CRD's new schema counts a moment after it is written: what it allows may be refused until then. */
async function insist(
  desk: Desk,
  step: Step,
  needed: readonly Step[],
  refusal: Outcome,
  progress: Progress,
): Promise<Outcome> {
  const accepted = await poll(desk.clock, UNTIL_KNOWN, async () => {
    if (progress.stop.aborted) return refusal;
    const [again] = await progress.planAgain([step]);
    const outcome = await finish(desk, again!, needed, progress);
    return outcome.error?.reason === 'Invalid' ? undefined : outcome;
  }).catch((error: unknown) => cutOff(step.change, error, progress.stop));
  return accepted ?? refusal;
}

function withoutNeeded({ change }: Step, { result }: Outcome): ApplyError {
  const what = result === 'failed' ? 'failed' : 'was held back';
  return { reason: 'DependencyFailed', message: `it needs ${formatObject(change.id)}, which ${what}` };
}

/** What was planned before its CRD was written is planned again, with the kind as it is served now. */
async function refresh(
  desk: Desk,
  wave: readonly Step[],
  {
    order,
    outcomes,
    newest,
    stop,
    planAgain,
  }: Omit<Progress, 'hold' | 'origin'> & { order: Order; newest: Map<Step, Step> },
): Promise<void> {
  const stale = wave.filter((step) => {
    const crd = order.needs.get(step)?.find(({ change }) => isCrd(change.id));
    if (!crd || step.change.action === 'skip') return false;
    // A run that was killed may have left a CRD that was not served yet when this one began.
    return outcomes.get(crd)!.result === 'applied' || (!step.resource && !outcomes.get(crd)!.error);
  });
  if (stale.length === 0 || stop.aborted) return;
  // A version that no CRD of the set has never comes.
  const ids = stale.filter(({ change }) => change.reason !== 'KindNotServed').map(({ change }) => change.id);
  try {
    await untilServed(desk.cluster, desk.clock, ids);
    const planned = new Map((await planAgain(stale)).map((step) => [step.manifest, step]));
    for (const step of stale) newest.set(step, planned.get(step.manifest)!);
  } catch (error) {
    // What could not be planned again is not begun.
    if (!stop.aborted) throw error;
  }
}
