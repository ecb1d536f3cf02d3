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
}

export type ApplySummary = Record<Result, number>;

export function countResults(outcomes: readonly Outcome[]): ApplySummary {
  const counts = Object.fromEntries(RESULTS.map((result) => [result, 0])) as ApplySummary;
  for (const { result } of outcomes) counts[result] += 1;
  return counts;
}

/** Whether the plan wanted something for the object that was not done. */
export function isHeldBack({ result, error }: Outcome): boolean {
  return result === 'skipped' && error !== undefined;
}

/** `apply`: 2 when something failed, 1 when something was held back, else 0. */
export function applyExitCode(outcomes: readonly Outcome[]): 0 | 1 | 2 {
  if (outcomes.some(({ result }) => result === 'failed')) return 2;
  return outcomes.some(isHeldBack) ? 1 : 0;
}
