import type { ApiFailure, Cluster, ObjectRef } from '../model/cluster.ts';
import type { IgnoreRule } from '../model/ignore.ts';
import { deepEqual, type Json } from '../model/json.ts';
import type { KubeObject, ManagedFields, ObjectId } from '../model/object.ts';
import type { Verdict } from '../model/plan.ts';
import { describeFailure, isInvalid, notPermitted } from './failure.ts';
import { type FieldSet, isOwn, ownFields, union } from './field-set.ts';
import { immutableField } from './immutable.ts';
import type { Live } from './live.ts';
import { applyLocally, fieldsOfManifest } from './local.ts';
import { removeFields, withoutManagedFields } from './merge.ts';
import type { Autoscalers, Namespaces } from './namespaces.ts';
import {
  inherited,
  inheritedFields,
  LAST_APPLIED,
  otherOwners,
  othersFields,
  ownershipDiffers,
} from './ownership.ts';
import { provesNoop } from './proof.ts';
import { formatViolations, validateSchema } from './schema.ts';
import type { Scoped } from './scope.ts';
import { type SafeViews, type SecretGate, scrub } from './secret-gate.ts';
import { keepPartOf, placed, view } from './shape.ts';
import { replicasDiffer, yieldFields } from './yield.ts';

/** What judging one object needs to know of the rest. */
export interface Bench {
  cluster: Cluster;
  gate: SecretGate;
  ignore: readonly IgnoreRule[];
  /** Ask the server about every object, proven or not. */
  full: boolean;
  namespaces: Namespaces;
  autoscalers: Autoscalers;
  /** Every `group/version` that is served. */
  servedVersions: ReadonlySet<string>;
  /** `openAPIV3Schema` of a custom resource's kind as it is live; undefined for built-in kinds. */
  liveSchema(id: ObjectId): Promise<Json | undefined>;
  /** Whether the set holds an object of this name, whatever its namespace. */
  inSet(kind: string, name: string): boolean;
}

const BEING_DELETED: Verdict = {
  action: 'unknown',
  reason: 'BeingDeleted',
  message: 'it is being deleted; run again once it is gone',
};

const IN_SET_NAMESPACE = 'not checked by the server: its namespace comes with this set';

const OWNERSHIP: Verdict = {
  action: 'unchanged',
  reason: 'Ownership',
  message: 'the values are the same, but not all are owned by gitlab-agent yet',
};

/** Decides what one object needs, asking the server only where the live object alone does not prove it. */
export async function judge(bench: Bench, item: Scoped, live: Live): Promise<Verdict> {
  if ('failure' in live) return unknown(bench, item, live.failure);
  if ('absent' in live) return judgeAbsent(bench, item);
  if (live.found.metadata.deletionTimestamp) return BEING_DELETED;
  const autoscaled =
    replicasDiffer(item.manifest.object, live.found) && (await bench.autoscalers.target(item.id));
  const wanted = placed(keepPartOf(item.manifest.object, live.found), item.id);
  const { object, yielded } = yieldFields(item.id, wanted, live.found, bench.ignore, autoscaled);
  const taken = inherited(live.found, bench.servedVersions);
  const extra = yieldedOf(bench, item, yielded);
  // Ownership that only we hold can be taken over later; what client-side apply holds may have to go now.
  if (!bench.full && taken.every(isOwn) && provesNoop(object, live.found)) {
    return { ...(taken.length > 0 ? OWNERSHIP : { action: 'unchanged' as const }), ...extra };
  }
  return { ...(await judgePresent(bench, item, object, live.found, taken)), ...extra };
}

async function judgePresent(
  bench: Bench,
  item: Scoped,
  desired: KubeObject,
  live: KubeObject,
  taken: readonly ManagedFields[],
): Promise<Verdict> {
  const answer = await bench.cluster.apply(refOf(item), desired, { dryRun: true });
  if (answer.ok) return compareResult(bench, item, live, answer.value, taken);
  const { failure } = answer;
  if (notPermitted(failure)) return compareLocally(bench, item, desired, live, failure);
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

/** Compares what is live with what the server says it would store, on the fields that are ours. */
async function compareResult(
  bench: Bench,
  item: Scoped,
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
    const answer = await bench.cluster.update(refOf(item), released, { dryRun: true });
    if (!answer.ok && !notPermitted(answer.failure)) return unknown(bench, item, answer.failure, live);
    result = answer.ok ? answer.value : released;
    if (!answer.ok) verified = { verified: false };
  }
  const fields = union(ownFields(live), ownFields(dryRun), old);
  const views = bench.gate.views(item.id, view(live, fields), view(result, fields), fields);
  if (views.differences.length > 0) return update(views, live, taken, verified);
  return ownershipDiffers(live, dryRun, taken) ? OWNERSHIP : { action: 'unchanged' };
}

/** The dry run's outcome without what only `old` held; undefined where that is no more than bookkeeping. */
function withoutInherited(
  dryRun: KubeObject,
  old: FieldSet,
  taken: readonly ManagedFields[],
): KubeObject | undefined {
  const keep = union(ownFields(dryRun), othersFields(dryRun, taken));
  const bookkeeping: FieldSet = { 'f:metadata': { 'f:annotations': { [`f:${LAST_APPLIED}`]: {} } } };
  const plain = removeFields(dryRun, bookkeeping, {});
  const rest = removeFields(dryRun, old, keep);
  return deepEqual(rest, plain) ? undefined : withoutManagedFields(rest as KubeObject);
}

function update(
  views: SafeViews,
  live: KubeObject,
  taken: readonly ManagedFields[],
  verified: { verified?: false },
): Verdict {
  const conflicts = views.differences
    .filter(({ before }) => before !== undefined)
    .flatMap(({ path, steps }) => otherOwners(live, steps, taken).map((manager) => ({ path, manager })));
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
): Verdict {
  const outcome = applyLocally(desired, live, id, item.defined?.schema);
  const views = bench.gate.views(
    id,
    view(live, outcome.fields),
    view(outcome.result, outcome.fields),
    outcome.fields,
  );
  if (views.differences.length > 0)
    return update(views, live, inherited(live, bench.servedVersions), { verified: false });
  if (outcome.undecided) return unknown(bench, { id, ...item }, failure, live);
  return { ...OWNERSHIP, verified: false };
}

async function judgeReplace(
  bench: Bench,
  item: Scoped,
  desired: KubeObject,
  live: KubeObject,
  failure: ApiFailure,
): Promise<Verdict | undefined> {
  const schema = item.defined?.schema ?? (await bench.liveSchema(item.id));
  const outcome = applyLocally(desired, live, item.id, schema);
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

async function judgeAbsent(bench: Bench, item: Scoped): Promise<Verdict> {
  const { object, yielded } = yieldFields(
    item.id,
    placed(item.manifest.object, item.id),
    undefined,
    bench.ignore,
    false,
  );
  const extra = yieldedOf(bench, item, yielded);
  const unverified = (message: string): Verdict => ({
    ...created(bench, item, object),
    verified: false,
    message,
    ...extra,
  });
  const namespace =
    item.id.namespace === undefined ? 'live' : await bench.namespaces.state(item.id.namespace);
  if (namespace === 'absent') return noNamespace(item.id.namespace!);
  if (item.defined && (!item.resource || namespace === 'in-set')) {
    const violations = validateSchema(object, item.defined.schema);
    if (violations.length > 0)
      return { action: 'unknown', reason: 'Invalid', message: formatViolations(violations) };
    return unverified('checked against the schema of its CRD in this set, but not its CEL rules');
  }
  if (namespace === 'in-set') return unverified(IN_SET_NAMESPACE);
  const answer = await bench.cluster.apply(refOf(item), object, { dryRun: true });
  if (answer.ok) {
    const fields = ownFields(answer.value);
    return {
      action: 'create',
      after: bench.gate.views(item.id, undefined, view(answer.value, fields), fields).after,
      ...extra,
    };
  }
  const { failure } = answer;
  if (notPermitted(failure)) return unverified('not checked by the server: no right to write it');
  const { namespace: within } = item.id;
  if (failure.status === 404 && failure.details?.kind === 'namespaces' && within !== undefined) {
    return bench.inSet('Namespace', within) ? unverified(IN_SET_NAMESPACE) : noNamespace(within);
  }
  if (missesRoleOfSet(bench, failure))
    return unverified('not checked by the server: its role comes with this set');
  if (item.defined && isInvalid(failure) && validateSchema(object, item.defined.schema).length === 0) {
    return unverified('checked against the schema of its CRD in this set, but not its CEL rules');
  }
  return unknown(bench, item, failure);
}

function noNamespace(name: string): Verdict {
  const message = `namespace ${name} does not exist and is not in the set`;
  return { action: 'unknown', reason: 'NamespaceNotFound', message };
}

/** Members of sets stand in paths with their values. */
function yieldedOf({ gate }: Bench, { id, manifest }: Scoped, yielded: string[]): { yielded?: string[] } {
  if (yielded.length === 0) return {};
  const values = gate.values(id, manifest.object);
  return { yielded: yielded.map((path) => scrub(path, values)) };
}

function created(bench: Bench, item: Scoped, object: KubeObject): Verdict {
  const fields = fieldsOfManifest(object, item.id, item.defined?.schema);
  return {
    action: 'create',
    after: bench.gate.views(item.id, undefined, view(object, fields), fields).after,
  };
}

/** A binding is refused while the role that it names is not there. */
function missesRoleOfSet(bench: Bench, { status, details }: ApiFailure): boolean {
  if (status !== 404 || !details?.name) return false;
  const kind = details.kind === 'clusterroles' ? 'ClusterRole' : details.kind === 'roles' ? 'Role' : '';
  return kind !== '' && bench.inSet(kind, details.name);
}

function unknown(bench: Bench, item: Scoped, failure: ApiFailure, live?: KubeObject): Verdict {
  const objects: Json[] = live ? [item.manifest.object, live] : [item.manifest.object];
  return { action: 'unknown', ...describeFailure(item.id, failure, bench.gate, ...objects) };
}

function refOf(item: Scoped): ObjectRef {
  return { resource: item.resource!, namespace: item.id.namespace, name: item.id.name };
}
