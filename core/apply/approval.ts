import { deepEqual, type Json } from '../model/json.ts';
import { type ObjectId, objectKey } from '../model/object.ts';
import type { FieldChange } from '../model/plan.ts';
import type { PlanDocument, PlannedObject } from '../model/plan-document.ts';
import { type Problem, ProblemError } from '../model/problem.ts';
import type { Digest } from '../plan/digest.ts';
import { diffFields } from '../plan/field-diff.ts';
import type { Step } from '../plan/plan.ts';
import { plannedObjects, plannedStep } from './plan-document.ts';
import type { PlannedRun } from './plan-run.ts';

/** A plan that somebody approved, and the digests that its secret values are compared by. */
export interface Approval {
  document: PlanDocument;
  digest: Digest;
}

const REPLAN = 'make a plan of what is wanted now, and have that approved';
const MOST_LISTED = 50;

/**
 * Holds a run that was just planned against the approved one. Throws ProblemError where it would do anything else,
 * with what differs object by object; nothing has been written then. `namespace` is that of objects without one.
 */
export function refuseOthers(run: PlannedRun, { document, digest }: Approval, namespace: string): void {
  const { objects, createdAt } = document;
  const untold = objects.filter(({ action }) => action === 'unknown').length;
  if (untold > 0)
    throw refusal(
      `${untold} of its objects could not be told when it was made`,
      'mend them, then plan again',
    );
  const approved = new Map(objects.map((object) => [objectKey(object), object]));
  const now = plannedObjects(run, digest);
  const problems: Problem[] = [];
  let done = 0;
  for (const key of new Set([...approved.keys(), ...now.keys()])) {
    const [then, current] = [approved.get(key), now.get(key)];
    const difference = differenceOf(then, current);
    if (difference === undefined) continue;
    problems.push({ code: 'PlanChanged', object: (then ?? current) as ObjectId, message: difference });
    if (then && isDone(then, current)) done += 1;
  }
  if (problems.length === 0) return;
  const listed = problems.slice(0, MOST_LISTED);
  const more = problems.length - listed.length;
  if (more > 0) listed.push({ code: 'PlanChanged', message: `and ${more} objects more differ` });
  const planned = objects.filter(isChange).length;
  if (done === planned && done === problems.length)
    throw refusal('it was carried out already', 'there is nothing left to do', listed);
  if (done === problems.length) {
    const what = `${done} of its ${planned} changes were made already, as by a run of it that was cut short`;
    throw refusal(what, 'make a plan of what is left, and have that approved', listed);
  }
  const elsewhere =
    namespace === document.namespace
      ? REPLAN
      : `it was made for the namespace ${document.namespace}: -n ${document.namespace}`;
  throw refusal(
    `${problems.length === 1 ? 'one object is' : `${problems.length} objects are`} not as planned at ${createdAt}`,
    elsewhere,
    listed,
  );
}

/** The run as its steps may be judged again between the plan and their writes: to what was approved, or to `unknown`. */
export function asApproved(
  run: PlannedRun,
  { document, digest }: Approval,
): Pick<PlannedRun, 'judgeAgain' | 'planAgain'> {
  const approved = new Map(document.objects.map((object) => [objectKey(object), object]));
  const hold = (step: Step): Step => {
    const then = approved.get(objectKey(step.change.id));
    const current = plannedStep(step, digest);
    // Nothing is left to do where somebody, or a request of ours whose answer was lost, has done it.
    if (then && isDone(then, current)) return step;
    const difference = differenceOf(then, current);
    if (difference === undefined) return step;
    const { id, source } = step.change;
    const message = `it changed after it was compared with the plan: ${difference}`;
    return {
      ...step,
      send: undefined,
      change: { id, action: 'unknown', reason: 'PlanChanged', message, source },
    };
  };
  return {
    judgeAgain: async (step) => hold(await run.judgeAgain(step)),
    planAgain: async (steps) => (await run.planAgain(steps)).map(hold),
  };
}

/** What is different now, in half a sentence; undefined where it is the very same. Where manifests moved does not count. */
function differenceOf(then: PlannedObject | undefined, now: PlannedObject | undefined): string | undefined {
  if (!then) return `not in the plan, ${actionText(now!)} now`;
  if (!now) return `${actionText(then)} in the plan, ${then.action === 'delete' ? 'gone' : 'not wanted'} now`;
  if (then.action !== now.action || then.reason !== now.reason)
    return `${actionText(then)} in the plan, ${actionText(now)} now${now.action === 'unknown' ? `: ${now.message}` : ''}`;
  if (then.wanted !== now.wanted) {
    const paths = pathsOf(then, now);
    return `its manifest is another one${paths.length > 0 ? `: ${list(paths)}` : ''}`;
  }
  if (!isChange(then)) return undefined;
  if (then.uid !== now.uid) return 'another object has its name now';
  // What the server would make of it could not be told then, and is no more than that.
  const paths = then.action === 'create' && then.verified === false ? [] : pathsOf(then, now);
  if (paths.length > 0) return `${actionText(then)} would change other values: ${list(paths)}`;
  if (!deepEqual(then.conflicts as Json | undefined, now.conflicts as Json | undefined))
    return `fields would be taken from ${managers(now)} now, from ${managers(then)} in the plan`;
  if (!deepEqual(then.yielded, now.yielded)) return 'other fields are left to other managers now';
  return undefined;
}

/** Whether something is written, or was held back from being deleted. */
function isChange({ action, reason }: PlannedObject): boolean {
  return action === 'unchanged' ? reason === 'Ownership' || reason === 'VersionGone' : action !== 'skip';
}

/** Whether what the plan wanted is the case, without this run. */
function isDone(then: PlannedObject, now: PlannedObject | undefined): boolean {
  if (then.action === 'delete') return now === undefined;
  return (
    isChange(then) && now?.action === 'unchanged' && now.reason === undefined && now.wanted === then.wanted
  );
}

/** The fields of which the two say something else. */
function pathsOf(then: PlannedObject, now: PlannedObject): string[] {
  const changed = [...diffFields(then.before, now.before, {}), ...diffFields(then.after, now.after, {})].map(
    ({ path }) => path,
  );
  const said = ({ fields = [] }: PlannedObject): Map<string, FieldChange> =>
    new Map(fields.map((field) => [field.path, field]));
  const [left, right] = [said(then), said(now)];
  const other = [...left.keys(), ...right.keys()].filter(
    (path) => !deepEqual(left.get(path) as Json | undefined, right.get(path) as Json | undefined),
  );
  return [...new Set([...changed, ...other])];
}

function list(paths: readonly string[]): string {
  const most = 8;
  const more = paths.length - most;
  return paths.slice(0, most).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function managers({ conflicts = [] }: PlannedObject): string {
  return conflicts.map(({ path, manager }) => `${manager} (${path})`).join(', ') || 'nobody';
}

function actionText({ action, reason }: PlannedObject): string {
  return reason === undefined ? action : `${action} (${reason})`;
}

function refusal(what: string, hint: string, problems: readonly Problem[] = []): ProblemError {
  const last = {
    code: 'PlanChanged',
    message: `the plan is not carried out, and nothing was written: ${what}`,
    hint,
  };
  return new ProblemError(...problems, last);
}
