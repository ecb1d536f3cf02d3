import type { ApplyError, Outcome } from '../model/apply.ts';
import type { Cluster, Propagation } from '../model/cluster.ts';
import { deepEqual, dig, type Json } from '../model/json.ts';
import type { Change } from '../model/plan.ts';
import { describeFailure } from '../plan/failure.ts';
import { ownFields } from '../plan/field-set.ts';
import type { SecretGate } from '../plan/secret-gate.ts';
import { view } from '../plan/shape.ts';
import { cutOff, failed, heldBack, INTERRUPTED } from './outcome.ts';
import { type Candidate, guardOne, guardPrune, type PruneFacts } from './prune-guards.ts';
import { pruneOrder } from './prune-order.ts';
import { sideBySide } from './side-by-side.ts';

const ATTEMPTS = 5;

/** What a prune has to say of one object; candidates that are no business of the run have none. */
export interface PruneStep {
  candidate: Candidate;
  change: Change;
  /** Why it is not deleted though it left the set. */
  held?: ApplyError;
}

/** What leaves the cluster, in the order of the deletes: the reverse of apply's. */
export function planPrune(
  candidates: readonly Candidate[],
  facts: PruneFacts,
  gate: SecretGate,
): PruneStep[] {
  const decisions = guardPrune(candidates, facts);
  const steps = candidates.flatMap((candidate, index): PruneStep[] => {
    const decision = decisions[index]!;
    const { id } = candidate;
    if (decision.action === 'keep') return [];
    if (decision.action === 'skip') return [{ candidate, change: { id, action: 'skip', ...decision.error } }];
    const change: Change = { id, action: 'delete', ...beforeOf(candidate, gate) };
    if (decision.action === 'delete') return [{ candidate, change }];
    const { reason, message, hint } = decision.error;
    const said = `held back: ${message}${hint ? ` (${hint})` : ''}`;
    return [{ candidate, change: { ...change, reason, message: said }, held: decision.error }];
  });
  return inOrder(steps).flat();
}

function inOrder(steps: readonly PruneStep[]): PruneStep[][] {
  const byCandidate = new Map(steps.map((step) => [step.candidate, step]));
  const groups = pruneOrder(steps.map(({ candidate }) => candidate));
  return groups.map((group) => group.map((candidate) => byCandidate.get(candidate)!));
}

function beforeOf({ id, live }: Candidate, gate: SecretGate): Pick<Change, 'before'> {
  const fields = ownFields(live);
  const { before } = gate.views(id, view(live, fields), undefined, fields);
  return before === undefined ? {} : { before };
}

export interface PruneDesk {
  cluster: Cluster;
  gate: SecretGate;
  facts: PruneFacts;
  /** Whether what is deleted must still hold what it held when it was planned. */
  exact: boolean;
  /** What becomes of what the objects own; `Background` where not said. */
  propagation?: Propagation | undefined;
  /** No further object is begun once this is aborted. */
  stop: AbortSignal;
  onOutcome: (outcome: Outcome) => void;
}

/** Deletes what the plan says, kinds one after the other, and tells what became of each step, in their order. */
export async function prune(desk: PruneDesk, steps: readonly PruneStep[]): Promise<Outcome[]> {
  const outcomes = new Map<PruneStep, Outcome>();
  for (const wave of inOrder(steps)) {
    await sideBySide(wave, async (step) => {
      const outcome = await pruneOne(desk, step).catch((error: unknown) =>
        cutOff(step.change, error, desk.stop),
      );
      outcomes.set(step, outcome);
      desk.onOutcome(outcome);
    });
  }
  return steps.map((step) => outcomes.get(step)!);
}

async function pruneOne(
  { cluster, gate, facts, stop, exact, propagation = 'Background' }: PruneDesk,
  step: PruneStep,
): Promise<Outcome> {
  const { change, held } = step;
  if (held) return heldBack(withoutWords(change), held);
  if (change.action === 'skip') return { change, result: 'skipped' };
  let { candidate } = step;
  for (let attempt = 1; ; attempt += 1) {
    if (stop.aborted) return heldBack(change, INTERRUPTED);
    const { id, resource, live } = candidate;
    const ref = { resource, namespace: id.namespace, name: id.name };
    const uid = String(live.metadata.uid);
    const answer = await cluster.delete(ref, {
      uid,
      resourceVersion: String(live.metadata.resourceVersion),
      propagation,
      dryRun: false,
    });
    if (answer.ok) return { change: { ...change, ...lingering(answer.value) }, result: 'pruned' };
    if (answer.failure.status === 404) return { change, result: 'pruned' };
    if (answer.failure.status !== 409 || attempt === ATTEMPTS)
      return failed(change, describeFailure(id, answer.failure, gate, live));
    // It changed since it was read: whether it is still ours to delete is decided on what it is now.
    const fresh = await cluster.get(ref);
    if (!fresh.ok) {
      if (fresh.failure.status === 404) return { change, result: 'pruned' };
      return failed(change, describeFailure(id, fresh.failure, gate, live));
    }
    if (fresh.value.metadata.uid !== uid) return heldBack(change, RECREATED);
    candidate = { ...candidate, live: fresh.value };
    const decision = guardOne(candidate, facts);
    // An attempt of ours whose answer was lost may have deleted it, or somebody else.
    if (decision.action === 'keep' && fresh.value.metadata.deletionTimestamp)
      return { change: { ...change, ...lingering(fresh.value) }, result: 'pruned' };
    if (decision.action === 'keep') return { change, result: 'skipped' };
    if (decision.action === 'skip')
      return { change: { id, action: 'skip', ...decision.error }, result: 'skipped' };
    if (decision.action === 'hold') return heldBack(change, decision.error);
    if (exact && !sameFields(step.candidate, candidate)) return failed(change, CHANGED);
  }
}

/** Deleted, but still there until somebody removes its finalizers. */
export const LINGERS = 'Finalizers';

function lingering(answer: Json): Pick<Change, 'reason' | 'message'> {
  const finalizers = dig(answer, 'metadata', 'finalizers');
  if (!Array.isArray(finalizers) || finalizers.length === 0) return {};
  return { reason: LINGERS, message: `it goes once its finalizers are done: ${finalizers.join(', ')}` };
}

/** What holds the object back is said by the error. */
function withoutWords({ reason: _reason, message: _message, ...change }: Change): Change {
  return change;
}

/** Whether the fields that are ours, real values, are what they were. */
function sameFields(then: Candidate, now: Candidate): boolean {
  const ours = ({ live }: Candidate): Json => view(live, ownFields(live));
  return deepEqual(ours(then), ours(now));
}

const CHANGED: ApplyError = {
  reason: 'PlanChanged',
  message:
    'it changed after it was compared with the plan: other values than the approved ones would be lost',
};

const RECREATED: ApplyError = {
  reason: 'Recreated',
  message: 'somebody deleted it and made another one of the same name: that one is left alone',
};
