import { type Health, isWell, type StoryLine, type WaitEnd } from './health.ts';
import type { Change } from './plan.ts';

/** What became of an object, worst first. `skipped`: nothing was written, on purpose or because it was held back. */
export const RESULTS = ['failed', 'skipped', 'pruned', 'applied', 'unchanged'] as const;
export type Result = (typeof RESULTS)[number];

/** Why an object is not as the plan wants it: a stable word, one sentence, and what to do. Holds no secret value. */
export interface ApplyError {
  reason: string;
  message: string;
  hint?: string;
}

/** One object of a plan that was carried out. `change` tells what was really changed where something was. */
export interface Outcome {
  change: Change;
  result: Result;
  /** There for `failed`, and for `skipped` where the object was held back against the wish of the plan. */
  error?: ApplyError;
  /** How the object was when the waiting ended; absent where nobody waited for it. */
  health?: Health;
  /** Why it was not well. */
  story?: readonly StoryLine[];
}

/** How a run waited for its objects. */
export interface Waited {
  end: WaitEnd;
  /** How long it waited, all together. */
  seconds: number;
}

/** The objects that one run keeps together (KEP-3659), by their parent. */
export interface ApplySetId {
  id: string;
  namespace: string;
  name: string;
}

/** What a run of `apply` did: every object, in the order of the plan. Times are RFC 3339 in UTC. */
export interface ApplyRecord {
  outcomes: Outcome[];
  startedAt: string;
  finishedAt: string;
  applySet?: ApplySetId;
  /** Absent where nobody asked to wait. */
  waited?: Waited;
}

export type ApplySummary = Record<Result, number>;

export function countResults(outcomes: readonly Outcome[]): ApplySummary {
  const counts = Object.fromEntries(RESULTS.map((result) => [result, 0])) as ApplySummary;
  for (const { result } of outcomes) counts[result] += 1;
  return counts;
}

/** What was done to an object, in the order in which counts are told. */
export const OUTCOME_KINDS = [
  'created',
  'changed',
  'adopted',
  'replaced',
  'pruned',
  'takenOver',
  'unchanged',
  'skipped',
  'heldBack',
  'failed',
] as const;
export type OutcomeKind = (typeof OUTCOME_KINDS)[number];

/** How many objects by what was done to them; zero counts are left out. */
export type OutcomeCounts = Partial<Record<OutcomeKind, number>>;

export function outcomeKind(outcome: Outcome): OutcomeKind {
  const { change, result } = outcome;
  if (isHeldBack(outcome)) return 'heldBack';
  if (result !== 'applied') return result;
  if (change.action === 'create') return 'created';
  if (change.reason === 'Adopt') return 'adopted';
  if (change.action === 'replace') return 'replaced';
  return change.action === 'unchanged' ? 'takenOver' : 'changed';
}

export function countOutcomes(outcomes: readonly Outcome[]): OutcomeCounts {
  const groups = Map.groupBy(outcomes, outcomeKind);
  return Object.fromEntries(
    OUTCOME_KINDS.flatMap((kind) => (groups.has(kind) ? [[kind, groups.get(kind)!.length]] : [])),
  );
}

/** `2 created, 1 taken over, 994 unchanged`. */
export function countText(counts: OutcomeCounts): string {
  const parts = OUTCOME_KINDS.flatMap((kind) => (counts[kind] ? [`${counts[kind]} ${kindText(kind)}`] : []));
  return parts.length > 0 ? parts.join(', ') : 'no objects';
}

/** `taken over` for `takenOver`. */
export function kindText(kind: OutcomeKind): string {
  return kind.replace(/[A-Z]/, (letter) => ` ${letter.toLowerCase()}`);
}

/** Whether the plan wanted something for the object that was not done. */
export function isHeldBack({ result, error }: Outcome): boolean {
  return result === 'skipped' && error !== undefined;
}

/** Of these every object has the same to say: they are counted. */
const COUNTED_REASONS = new Set(['Interrupted', 'Preflight', 'PruneBlocked', 'PruneLimit', 'EmptySource']);

export function isCounted(outcome: Outcome): boolean {
  return isHeldBack(outcome) && COUNTED_REASONS.has(outcome.error!.reason);
}

/** Whether an object was waited for in vain. */
export function isUnwell({ health }: Outcome): boolean {
  return health !== undefined && !isWell(health.status);
}

/** `apply`: 2 when something failed, 1 when something was held back or was waited for in vain, else 0. */
export function applyExitCode(outcomes: readonly Outcome[]): 0 | 1 | 2 {
  if (outcomes.some(({ result }) => result === 'failed')) return 2;
  return outcomes.some((outcome) => isHeldBack(outcome) || isUnwell(outcome)) ? 1 : 0;
}
