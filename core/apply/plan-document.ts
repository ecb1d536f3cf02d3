import { isObject, type Json } from '../model/json.ts';
import { objectKey } from '../model/object.ts';
import { type Change, summarize } from '../model/plan.ts';
import { PLAN_FORMAT, type PlanDocument, type PlannedObject } from '../model/plan-document.ts';
import { ProblemError } from '../model/problem.ts';
import type { Digest } from '../plan/digest.ts';
import type { Step } from '../plan/plan.ts';
import type { PlannedRun } from './plan-run.ts';

const NEW_PLAN = 'make a new one: kubectl gitlab-agent diff -o plan --out FILE';

/** What a document says beside the objects and its own authenticity. */
export type PlanFacts = Pick<
  PlanDocument,
  'tool' | 'createdAt' | 'cluster' | 'namespace' | 'inputs' | 'applySet' | 'terms'
>;

/** The document of a run that was planned with a gate of the same digests. */
export function planDocument(run: PlannedRun, facts: PlanFacts, digest: Digest): PlanDocument {
  const { tool, createdAt, cluster, namespace, inputs, applySet, terms } = facts;
  const objects = [...plannedObjects(run, digest).values()];
  const unsealed: Omit<PlanDocument, 'seal'> = {
    apiVersion: 'agent.gitlab.com/v1alpha1',
    kind: 'Plan',
    formatVersion: PLAN_FORMAT,
    tool,
    createdAt,
    cluster,
    namespace,
    inputs,
    ...(applySet && { applySet }),
    terms,
    summary: summarize(objects),
    objects,
    keyId: keyId(digest),
  };
  return { ...unsealed, seal: digest('document', unsealed as unknown as Json) };
}

/** The document as it was made. Throws ProblemError where it is none, of another format, or not made with this key. */
export function verifyDocument(value: Json | undefined, digest: Digest): PlanDocument {
  if (!isObject(value) || value.kind !== 'Plan' || typeof value.formatVersion !== 'number')
    throw problem('the file is no plan', NEW_PLAN);
  const { formatVersion } = value;
  if (formatVersion > PLAN_FORMAT)
    throw problem(
      `the plan has format ${formatVersion}, which is too new: this version knows ${PLAN_FORMAT}`,
      'use the version that made it',
    );
  if (formatVersion !== PLAN_FORMAT)
    throw problem(`the plan has format ${formatVersion}, which this version does not know`, NEW_PLAN);
  const { seal, ...unsealed } = value;
  if (value.keyId !== keyId(digest))
    throw problem(
      'the key is not the one that the plan was made with',
      'use the key that was written beside it',
    );
  if (seal !== digest('document', unsealed))
    throw problem('the plan was changed after it was made', NEW_PLAN);
  return value as unknown as PlanDocument;
}

/** Every object of a run by its `objectKey`, in the order of the plan. */
export function plannedObjects(run: PlannedRun, digest: Digest): Map<string, PlannedObject> {
  const { steps, prune } = run;
  const all = [
    ...(prune?.unknown ?? []).map((change) => plannedObject(change, {})),
    ...steps.map((step) => plannedStep(step, digest)),
    ...(prune?.steps ?? []).map(({ change, candidate }) =>
      plannedObject(change, { uid: String(candidate.live.metadata.uid) }),
    ),
  ];
  return new Map(all.map((object) => [objectKey(object), object]));
}

export function plannedStep({ change, manifest, live }: Step, digest: Digest): PlannedObject {
  const wanted = digest('wanted', manifest.object);
  const isDeleted = change.action === 'replace' && live;
  return plannedObject(change, { wanted, ...(isDeleted && { uid: String(live.metadata.uid) }) });
}

function plannedObject(change: Change, more: { uid?: string; wanted?: string }): PlannedObject {
  const { group, version, kind, namespace, name } = change.id;
  const { action, reason, message, verified, source, fields, before, after, yielded, conflicts } = change;
  return {
    group,
    version,
    kind,
    ...(namespace !== undefined && { namespace }),
    name,
    action,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
    ...(verified === false && { verified }),
    ...(source && { source: { file: source.file, line: source.line } }),
    ...(fields?.length && { fields }),
    ...(action === 'delete' && before !== undefined && { before }),
    ...(action === 'create' && after !== undefined && { after }),
    ...(yielded?.length && { yielded }),
    // When they wrote is no part of what is approved.
    ...(conflicts?.length && { conflicts: conflicts.map(({ path, manager }) => ({ path, manager })) }),
    ...more,
  };
}

function keyId(digest: Digest): string {
  return digest('key', null);
}

function problem(what: string, hint: string): ProblemError {
  return new ProblemError({ code: 'PlanFile', message: what, hint });
}
