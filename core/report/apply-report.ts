import {
  type ApplyRecord,
  type ApplySetId,
  type ApplySummary,
  countResults,
  isUnwell,
  type Outcome,
  type Result,
  type Waited,
} from '../model/apply.ts';
import type { HealthStatus } from '../model/health.ts';
import { type Summary, summarize } from '../model/plan.ts';
import { type ReportedChange, reportedChange } from './diff-report.ts';

/** One object of an ApplyReport: what the plan said of it, and what became of it. */
export interface ReportedOutcome extends ReportedChange {
  result: Result;
  /** Why it failed, or was held back. */
  error?: { reason: string; message: string; hint?: string };
  health?: ReportedOutcomeHealth;
}

/** How an object was when the waiting ended. */
export interface ReportedOutcomeHealth {
  status: HealthStatus;
  reason: string;
  message?: string;
  /** Why it was not well, from the object down; indented by two spaces a step. */
  story?: string[];
}

/** The document of `apply -o json` and `-o yaml`, described by `schemas/apply-report.schema.json`. */
export interface ApplyReport {
  apiVersion: 'agent.gitlab.com/v1alpha1';
  kind: 'ApplyReport';
  applySet?: ApplySetId;
  startedAt: string;
  finishedAt: string;
  /** How the waiting ended; absent where nobody asked to wait. */
  waited?: Waited;
  summary: Summary;
  results: ApplySummary;
  changes: ReportedOutcome[];
}

/** Every object, those first that failed or were held back, else in the plan's order. */
export function applyReport({ outcomes, startedAt, finishedAt, applySet, waited }: ApplyRecord): ApplyReport {
  return {
    apiVersion: 'agent.gitlab.com/v1alpha1',
    kind: 'ApplyReport',
    ...(applySet && { applySet }),
    startedAt,
    finishedAt,
    ...(waited && { waited }),
    summary: summarize(outcomes.map(({ change }) => change)),
    results: countResults(outcomes),
    changes: errorsFirst(outcomes).map(reportedOutcome),
  };
}

/** The plan's own order, but what needs a person's eye comes first. */
function errorsFirst(outcomes: readonly Outcome[]): Outcome[] {
  const failed = outcomes.filter(({ result }) => result === 'failed');
  const held = outcomes.filter(({ result, error }) => result !== 'failed' && error);
  const rest = outcomes.filter(({ error }) => !error);
  return [...failed, ...held, ...rest.filter(isUnwell), ...rest.filter((outcome) => !isUnwell(outcome))];
}

function reportedOutcome({ change, result, error, health, story }: Outcome): ReportedOutcome {
  return {
    ...reportedChange(change, true),
    result,
    ...(error && {
      error: { reason: error.reason, message: error.message, ...(error.hint && { hint: error.hint }) },
    }),
    ...(health && {
      health: {
        status: health.status,
        reason: health.reason,
        ...(health.message && { message: health.message }),
        ...(story && { story: story.map(({ depth, text }) => `${'  '.repeat(depth)}${text}`) }),
      },
    }),
  };
}
