import type { ApiFailure } from '../model/cluster.ts';
import { deepEqual, type Json } from '../model/json.ts';
import type { KubeObject, ManagedFields } from '../model/object.ts';
import type { Verdict } from '../model/plan.ts';
import { type Bench, refOf, unknown } from './bench.ts';
import { conflicting, leaveToOthers } from './conflict.ts';
import { goneVersion, isInvalid, notPermitted, refusesDryRun } from './failure.ts';
import { isOwn, ownFields, union } from './field-set.ts';
import { immutableField } from './immutable.ts';
import { askWithout, withoutInherited } from './inherited-fields.ts';
import { isRoleOfSet, judgeAbsent, missingRole, refusedBySet } from './judge-absent.ts';
import type { Live } from './live.ts';
import { applyLocally } from './local.ts';
import { inherited, inheritedFields, otherOwners, ownershipDiffers } from './ownership.ts';
import { provesNoop } from './proof.ts';
import { validateSchema } from './schema.ts';
import type { Scoped } from './scope.ts';
import { scrub } from './scrub.ts';
import type { SafeViews } from './secret-gate.ts';
import { keepPartOf, placed, view, withPartOf } from './shape.ts';
import { scales, yieldFields } from './yield.ts';

const BEING_DELETED: Verdict = {
  action: 'unknown',
  reason: 'BeingDeleted',
  message: 'it is being deleted; run again once it is gone',
};

const OWNERSHIP: Verdict = {
  action: 'unchanged',
  reason: 'Ownership',
  message: 'the values are the same, but not all are owned by gitlab-agent yet',
};

/** What an object needs, and all that carrying it out takes. */
export interface Judged {
  verdict: Verdict;
  /** The manifest as it is sent: placed, and without what is left to others. Absent where nothing may be sent. */
  send?: KubeObject;
  /** As it was read; absent where it does not exist. */
  live?: KubeObject;
}

/** Decides what one object needs, asking the server only where the live object alone does not prove it. */
export async function judge(bench: Bench, item: Scoped, live: Live): Promise<Judged> {
  if ('failure' in live) return { verdict: unknown(bench, item, live.failure) };
  if ('absent' in live) {
    const wanted = placed(member(bench, item.manifest.object), item.id);
    const { object, yielded } = yieldFields(item.id, wanted, undefined, {
      rules: bench.ignore,
      autoscaled: false,
      taken: [],
    });
    return {
      verdict: await judgeAbsent(bench, item, object, yieldedOf(bench, item, yielded)),
      send: object,
    };
  }
  if (live.found.metadata.deletionTimestamp) return { verdict: BEING_DELETED };
  const taken = inherited(live.found, bench);
  const wanted = placed(member(bench, item.manifest.object, live.found), item.id);
  const autoscaled = scales(wanted, live.found, taken) && (await bench.autoscalers.target(item.id));
  const { object, yielded } = yieldFields(item.id, wanted, live.found, {
    rules: bench.ignore,
    autoscaled,
    taken,
  });
  const extra = yieldedOf(bench, item, yielded);
  // Ownership that only we hold can be taken over later; what client-side apply holds may have to go now.
  if (!bench.full && taken.every(isOwn) && provesNoop(object, live.found)) {
    const verdict = { ...(taken.length > 0 ? OWNERSHIP : { action: 'unchanged' as const }), ...extra };
    return { verdict, send: object, live: live.found };
  }
  const verdict = await judgePresent(bench, item, object, live.found, taken);
  if (bench.conflicts === 'take' || !verdict.conflicts)
    return { verdict: { ...verdict, ...extra }, send: object, live: live.found };
  if (bench.conflicts === 'fail') return { verdict: conflicting(verdict.conflicts) };
  const left = leaveToOthers(object, live.found, verdict.conflicts, taken);
  const rest = await judgePresent(bench, item, left.object, live.found, taken);
  if (rest.conflicts) return { verdict: conflicting(rest.conflicts) };
  const all = yieldedOf(bench, item, [...yielded, ...left.yielded]);
  return { verdict: { ...rest, ...all }, send: left.object, live: live.found };
}

async function judgePresent(
  bench: Bench,
  item: Scoped,
  desired: KubeObject,
  live: KubeObject,
  taken: readonly ManagedFields[],
): Promise<Verdict> {
  const known = bench.economy ? knownUpdate(bench, item, desired, live, taken) : undefined;
  // A webhook that puts its value over ours would have it written again with every run.
  if (known && !(await bench.mutators.mayChange(item.resource!, item.id.namespace)))
    return (await refusedBySet(bench, item, desired)) ?? known;
  const answer = await bench.cluster.apply(refOf(item), desired, { dryRun: true });
  if (answer.ok) {
    const verdict = await compareResult(bench, item, desired, live, answer.value, taken);
    const refused = verdict.action === 'update' ? await refusedBySet(bench, item, desired) : undefined;
    return refused ?? verdict;
  }
  const { failure } = answer;
  if (isRoleOfSet(bench, item, missingRole(item, failure)))
    return compareLocally(bench, item, desired, live, failure);
  if (notPermitted(failure)) return compareLocally(bench, item, desired, live, failure);
  if (bench.economy && refusesDryRun(failure)) {
    const local = compareLocally(bench, item, desired, live, failure);
    return local.action === 'unknown' ? { action: 'update', verified: false } : local;
  }
  const gone = goneVersion(failure);
  if (gone) return judgeGoneVersion(bench, item, desired, live, failure, gone);
  if (!isInvalid(failure)) return unknown(bench, item, failure, live);
  if (
    item.defined &&
    validateSchema(desired, item.defined.schema).length === 0 &&
    !deepEqual(item.defined.schema, await bench.liveSchema(item.id))
  ) {
    return compareLocally(bench, item, desired, live, failure);
  }
  return (await judgeReplace(bench, item, desired, live, failure)) ?? unknown(bench, item, failure, live);
}

/** The manifest with the label of its set. */
function member({ partOf }: Bench, desired: KubeObject, live?: KubeObject): KubeObject {
  if (partOf !== undefined) return withPartOf(desired, partOf);
  return live ? keepPartOf(desired, live) : desired;
}

/** An update that needs no dry run to be told: fields of ours differ, and none of them may be a default. */
function knownUpdate(
  bench: Bench,
  { id, defined }: Scoped,
  desired: KubeObject,
  live: KubeObject,
  taken: readonly ManagedFields[],
): Verdict | undefined {
  const { result, fields, undecided } = applyLocally(desired, live, {
    id,
    schema: defined?.schema,
    takeOver: bench.takeOver,
  });
  if (undecided) return undefined;
  const views = bench.gate.views(id, view(live, fields), view(result, fields), fields);
  return views.differences.length > 0 ? update(views, live, taken, {}) : undefined;
}

/** Compares what is live with what the server says it would store, on the fields that are ours. */
async function compareResult(
  bench: Bench,
  item: Scoped,
  desired: KubeObject,
  live: KubeObject,
  dryRun: KubeObject,
  taken: readonly ManagedFields[],
): Promise<Verdict> {
  let result = dryRun;
  let verified: { verified?: false } = {};
  const old = inheritedFields(live, taken, dryRun.apiVersion);
  const released = taken.length > 0 ? withoutInherited(dryRun, old, taken) : undefined;
  if (released) {
    // A second apply would drop them; a PUT of the outcome is what the server can be asked about.
    const answer = await askWithout(bench, item, desired, released, (again) =>
      withoutInherited(again, old, taken),
    );
    if (!answer.ok && !notPermitted(answer.failure)) return unknown(bench, item, answer.failure, live);
    result = answer.ok ? answer.value : released;
    if (!answer.ok) verified = { verified: false };
  }
  const fields = union(ownFields(live), ownFields(dryRun), old);
  const views = bench.gate.views(item.id, view(live, fields), view(result, fields), fields);
  if (views.differences.length > 0) return update(views, live, taken, verified);
  return ownershipDiffers(live, dryRun, taken) ? OWNERSHIP : { action: 'unchanged' };
}

function update(
  views: SafeViews,
  live: KubeObject,
  taken: readonly ManagedFields[],
  verified: { verified?: false },
): Verdict {
  const conflicts = views.differences
    .filter(({ before }) => before !== undefined)
    .flatMap(({ path, steps }) => otherOwners(live, steps, taken).map((owner) => ({ path, ...owner })));
  return {
    action: 'update',
    ...verified,
    fields: views.fields,
    before: views.before,
    after: views.after,
    ...(conflicts.length > 0 && { conflicts }),
  };
}

/** For who may not write, and for kinds whose new schema is not live yet. */
function compareLocally(
  bench: Bench,
  { id, ...item }: Scoped,
  desired: KubeObject,
  live: KubeObject,
  failure: ApiFailure,
  schema: Json | undefined = item.defined?.schema,
): Verdict {
  const outcome = applyLocally(desired, live, { id, schema, takeOver: bench.takeOver });
  const views = bench.gate.views(
    id,
    view(live, outcome.fields),
    view(outcome.result, outcome.fields),
    outcome.fields,
  );
  if (views.differences.length > 0) return update(views, live, inherited(live, bench), { verified: false });
  if (outcome.undecided) return unknown(bench, { id, ...item }, failure, live);
  return { ...OWNERSHIP, verified: false };
}

/** Nobody can apply the object until its managedFields are rewritten: what an apply does then is worked out here. */
async function judgeGoneVersion(
  bench: Bench,
  item: Scoped,
  desired: KubeObject,
  live: KubeObject,
  failure: ApiFailure,
  gone: string,
): Promise<Verdict> {
  const schema = item.defined?.schema ?? (await bench.liveSchema(item.id));
  const verdict = compareLocally(bench, item, desired, live, failure, schema);
  if (verdict.action === 'unknown') return verdict;
  const message = `its managedFields name ${gone}, which its CRD no longer has: they have to be rewritten before an apply`;
  return { ...verdict, reason: 'VersionGone', message };
}

async function judgeReplace(
  bench: Bench,
  item: Scoped,
  desired: KubeObject,
  live: KubeObject,
  failure: ApiFailure,
): Promise<Verdict | undefined> {
  const schema = item.defined?.schema ?? (await bench.liveSchema(item.id));
  const outcome = applyLocally(desired, live, { id: item.id, schema, takeOver: bench.takeOver });
  const views = bench.gate.views(
    item.id,
    view(live, outcome.fields),
    view(outcome.result, outcome.fields),
    outcome.fields,
  );
  const field = immutableField(
    item.id,
    failure,
    views.differences.map(({ steps }) => steps),
    schema,
  );
  if (!field) return undefined;
  const message = `${field} can't be changed: the object has to be deleted and created again`;
  return {
    action: 'replace',
    reason: 'ImmutableField',
    message,
    fields: views.fields,
    before: views.before,
    after: views.after,
  };
}

/** Members of sets stand in paths with their values. */
function yieldedOf({ gate }: Bench, { id, manifest }: Scoped, yielded: string[]): { yielded?: string[] } {
  if (yielded.length === 0) return {};
  const values = gate.values(id, manifest.object);
  return { yielded: yielded.map((path) => scrub(path, values)) };
}
