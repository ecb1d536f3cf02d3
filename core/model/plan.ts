import type { Json } from './json.ts';
import type { ObjectId } from './object.ts';

/**
 * What to do about fields that another manager holds with another value: take them and say so, fail the object,
 * or leave them to the other manager.
 */
export const CONFLICT_POLICIES = ['take', 'fail', 'keep'] as const;
export type ConflictPolicy = (typeof CONFLICT_POLICIES)[number];

/** In the order in which reports list them: what needs a person's eye first. */
export const ACTIONS = ['unknown', 'delete', 'replace', 'create', 'update', 'skip', 'unchanged'] as const;
export type Action = (typeof ACTIONS)[number];

/** One field that an apply would change. `before` is absent for an added field, `after` for a removed one. */
export interface FieldChange {
  /** As `formatPath` writes it: `spec.template.spec.containers[name="app"].image`. */
  path: string;
  before?: Json;
  after?: Json;
}

/**
 * One object with the action it needs. Everything in it has passed the secret gate and may be printed.
 * `before` and `after` hold the fields that are ours (live, and as the server would store them); `create` has
 * only `after`, `delete` only `before`.
 */
export interface Change {
  id: ObjectId;
  action: Action;
  /** A stable word: Forbidden, KindNotServed, Invalid, Ownership, ImmutableField, … */
  reason?: string;
  /** One sentence for people, with the cause. */
  message?: string;
  /** False where the API server could not be asked (no right to write, or its namespace or CRD comes with the set). */
  verified?: false;
  source?: { file: string; line: number };
  fields?: FieldChange[];
  before?: Json;
  after?: Json;
  /** Paths left to another manager: not sent, not compared. */
  yielded?: string[];
  /** Paths taken from another manager, from whom, and when they last wrote (RFC 3339). */
  conflicts?: { path: string; manager: string; time?: string }[];
}

/** What an object needs, apart from which one it is. */
export type Verdict = Omit<Change, 'id' | 'source'>;

export type Summary = Record<Action, number>;

/** Every object with the action it needs, in a fixed order. */
export interface Plan {
  changes: Change[];
}

export function summarize(changes: readonly Pick<Change, 'action'>[]): Summary {
  const summary = Object.fromEntries(ACTIONS.map((action) => [action, 0])) as Summary;
  for (const change of changes) summary[change.action] += 1;
  return summary;
}

/** `diff` and dry runs: 2 when something could not be told, 1 when something differs, else 0. */
export function diffExitCode(summary: Summary): 0 | 1 | 2 {
  if (summary.unknown > 0) return 2;
  return summary.create + summary.update + summary.replace + summary.delete > 0 ? 1 : 0;
}
