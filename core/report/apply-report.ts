import {
  type ApplyRecord,
  type ApplySetId,
  type ApplySummary,
  countResults,
  type Outcome,
  type Result,
} from '../model/apply.ts';
import { type Summary, summarize } from '../model/plan.ts';
import { type ReportedChange, reportedChange } from './diff-report.ts';

/** One object of an ApplyReport: what the plan said of it, and what became of it. */
export interface ReportedOutcome extends ReportedChange {
  result: Result;
  /** Why it failed, or was held back. */
  error?: { reason: string; message: string; hint?: string };
}

/** The document of `apply -o json` and `-o yaml`, described by `schemas/apply-report.schema.json`. */
export interface ApplyReport {
  apiVersion: 'agent.gitlab.com/v1alpha1';
  kind: 'ApplyReport';
  applySet?: ApplySetId;
  startedAt: string;
  finishedAt: string;
  summary: Summary;
  results: ApplySummary;
  changes: ReportedOutcome[];
}

/** Every object, those first that failed or were held back, else in the plan's order. */
export function applyReport({ outcomes, startedAt, finishedAt, applySet }: ApplyRecord): ApplyReport {
  return {
    apiVersion: 'agent.gitlab.com/v1alpha1',
    kind: 'ApplyReport',
    ...(applySet && { applySet }),
    startedAt,
    finishedAt,
    summary: summarize(outcomes.map(({ change }) => change)),
    results: countResults(outcomes),
    changes: errorsFirst(outcomes).map(reportedOutcome),
  };
}

/** The plan's own order, but what needs a person's eye comes first. */
function errorsFirst(outcomes: readonly Outcome[]): Outcome[] {
  const failed = outcomes.filter(({ result }) => result === 'failed');
  const held = outcomes.filter(({ result, error }) => result !== 'failed' && error);
  return [...failed, ...held, ...outcomes.filter(({ error }) => !error)];
}

function reportedOutcome({ change, result, error }: Outcome): ReportedOutcome {
  return {
    ...reportedChange(change, true),
    result,
    ...(error && {
      error: { reason: error.reason, message: error.message, ...(error.hint && { hint: error.hint }) },
    }),
  };
}
