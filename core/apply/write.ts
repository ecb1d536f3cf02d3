import type { Outcome } from '../model/apply.ts';
import { ABSENT, type Answer, type ApiFailure, type Cluster, type ObjectRef } from '../model/cluster.ts';
import type { KubeObject } from '../model/object.ts';
import type { Change, ConflictPolicy } from '../model/plan.ts';
import { describeFailure, goneVersion, isInvalid } from '../plan/failure.ts';
import { ownFields, union } from '../plan/field-set.ts';
import { type Inheritance, inherited, inheritedFields } from '../plan/ownership.ts';
import type { Step, Steps } from '../plan/plan.ts';
import type { SecretGate } from '../plan/secret-gate.ts';
import { view } from '../plan/shape.ts';
import { type Clock, poll } from './clock.ts';
import { failed, heldBack, settled } from './outcome.ts';
import { deleteForReplace, mayReplace } from './replace.ts';
import { appliesFirst, takenOver, takeOver } from './take-over.ts';

/** What writing one object needs to know. */
export interface Desk extends Inheritance {
  cluster: Cluster;
  gate: SecretGate;
  clock: Clock;
  conflicts: ConflictPolicy;
  /** Whether the user allowed to delete and create again what can't be changed. */
  replace: boolean;
  /** Whether nothing but what was judged may be written: not even where the object is gone by now. */
  exact: boolean;
  judgeAgain: Steps['judgeAgain'];
  /** Called with each object that is as the plan wants it, as it is now. It holds real values. */
  onSettled: (step: Step, live: KubeObject) => void;
}

/** How long a new Namespace may take to get its ServiceAccount, without which no Pod is let in. */
const UNTIL_READY = { first: 100, longest: 1000, total: 10_000 };

const ATTEMPTS = 6;
const PAUSE_MS = 100;

/**
 * Carries out one step. A refusal that a fresh look can explain (the object changed since it was read, a field is
 * immutable or in conflict) is judged again and, where that says so, written again; every other one is the answer.
 */
export async function writeStep(desk: Desk, planned: Step): Promise<Outcome> {
  let step = planned;
  for (let attempt = 1; ; attempt += 1) {
    const done = settled(step.change);
    // The answer to a write may get lost on its way: what is as it should be since then was written.
    if (done?.result === 'unchanged' && attempt > 1) {
      if (step.live) desk.onSettled(step, step.live);
      return { change: planned.change, result: 'applied' };
    }
    if (done) return done;
    if (!step.resource || !step.send) return failed(step.change, NOT_SERVED);
    if (step.change.action === 'replace') {
      const outcome = await replace(desk, step, attempt);
      if (outcome) return outcome;
      step = await desk.judgeAgain(step);
      continue;
    }
    const { answer, live } = await write(desk, step);
    if (answer.ok) return written(desk, step, live, answer.value);
    if (attempt === ATTEMPTS || !mayHaveChanged(answer.failure)) return refused(desk, step, answer.failure);
    if (answer.failure.status === 409) await desk.clock.sleep(PAUSE_MS * attempt);
    step = await desk.judgeAgain(step);
  }
}

const NOT_SERVED = {
  reason: 'KindNotServed',
  message: 'the API server does not serve its kind yet, though its CRD is established',
};

/** Whether another look at the object may tell more than the refusal: a conflict, or what the server calls invalid. */
function mayHaveChanged(failure: ApiFailure): boolean {
  return failure.status === 409 || isInvalid(failure);
}

/** A controller makes the ServiceAccount of a Namespace a moment after it was created (plugin/admission/serviceaccount). */
function isEarly({ status, message }: ApiFailure): boolean {
  return status === 403 && /error looking up service account .* not found/.test(message);
}

/** `live` is what there was before anything was written. */
async function write(
  desk: Desk,
  { send, live: read, resource, change }: Step,
): Promise<{ answer: Answer<KubeObject>; live?: KubeObject }> {
  const { cluster, clock, exact } = desk;
  const ref: ObjectRef = { resource: resource!, namespace: change.id.namespace, name: change.id.name };
  const { apiVersion } = send!;
  const force = desk.conflicts === 'take';
  // Against the object as it was judged: what has changed or come since then is judged again first.
  const apply = async (basis: KubeObject | undefined): Promise<Answer<KubeObject>> => {
    const resourceVersion = basis ? String(basis.metadata.resourceVersion) : ABSENT;
    const object = exact && basis ? withUid(send!, basis) : send!;
    let answer: Answer<KubeObject>;
    await poll(clock, UNTIL_READY, async () => {
      answer = await cluster.apply(ref, object, { dryRun: false, force, resourceVersion });
      return !answer.ok && isEarly(answer.failure) ? undefined : answer;
    });
    return answer!;
  };
  if (!read) return { answer: await apply(undefined) };
  let live = read;
  if (appliesFirst(live, apiVersion, desk)) {
    const answer = await apply(read);
    if (!answer.ok) return { answer, live: read };
    live = answer.value;
  }
  const ready = await takeOver(cluster, ref, live, takenOver(live, apiVersion, desk));
  if (!ready.ok) return { answer: ready, live: read };
  const answer = await apply(ready.value);
  const gone = answer.ok ? undefined : goneVersion(answer.failure);
  if (gone === undefined) return { answer, live: read };
  const entries = takenOver(ready.value, apiVersion, desk, gone);
  const renewed = await takeOver(cluster, ref, ready.value, entries);
  return { answer: renewed.ok ? await apply(renewed.value) : renewed, live: read };
}

/** An apply with a UID does not create what is gone: that is a 409 then. */
function withUid(send: KubeObject, { metadata: { uid } }: KubeObject): KubeObject {
  return { ...send, metadata: { ...send.metadata, uid: uid! } };
}

/** What was really changed: the object as it was, against the one that came back. */
function written(desk: Desk, step: Step, live: KubeObject | undefined, result: KubeObject): Outcome {
  const { gate } = desk;
  const { change } = step;
  const { id } = change;
  desk.onSettled(step, result);
  const isOther = live && live.metadata.uid !== result.metadata.uid;
  // Somebody may have deleted the one that was planned for.
  if (!live || (isOther && change.action !== 'replace')) {
    const fields = ownFields(result);
    const { after } = gate.views(id, undefined, view(result, fields), fields);
    const plain = { id, source: change.source, ...(change.yielded && { yielded: change.yielded }) };
    return { change: { ...plain, action: 'create', after }, result: 'applied' };
  }
  const taken = inherited(live, desk);
  const fields = union(ownFields(live), ownFields(result), inheritedFields(live, taken, result.apiVersion));
  const views = gate.views(id, view(live, fields), view(result, fields), fields);
  if (views.differences.length > 0) {
    const { before, after } = views;
    const told: Change = { ...change, verified: undefined, fields: views.fields, before, after };
    return {
      change: { ...told, action: change.action === 'replace' ? 'replace' : 'update' },
      result: 'applied',
    };
  }
  const { yielded, source } = change;
  const same = result.metadata.resourceVersion === live.metadata.resourceVersion;
  const plain: Change = { id, action: 'unchanged', source, ...(yielded && { yielded }) };
  if (same) return { change: plain, result: 'unchanged' };
  const message = 'the values were the same; they are owned by gitlab-agent now';
  return { change: { ...plain, reason: 'Ownership', message }, result: 'applied' };
}

/** Undefined where the object has to be looked at again: an exact run deletes it only as it was judged. */
async function replace(desk: Desk, step: Step, attempt: number): Promise<Outcome | undefined> {
  const { change, live, send } = step;
  if (!mayReplace(desk.replace, send!)) {
    const { reason = 'ImmutableField', message = 'a field of it can not be changed' } = change;
    const hint =
      '--replace, or the annotation agent.gitlab.com/replace: "true" on the object, deletes and creates it again';
    return heldBack(change, { reason, message, hint });
  }
  const ref: ObjectRef = { resource: step.resource!, namespace: change.id.namespace, name: change.id.name };
  const gone = await deleteForReplace(desk, ref, live!);
  if ('error' in gone) return failed(change, gone.error);
  if ('failure' in gone) {
    const mayLookAgain = desk.exact && gone.failure.status === 409 && attempt < ATTEMPTS;
    return mayLookAgain ? undefined : refused(desk, step, gone.failure);
  }
  const answer = await desk.cluster.apply(ref, send!, { dryRun: false, force: !desk.exact });
  if (answer.ok) return written(desk, step, live, answer.value);
  const { error } = refused(desk, step, answer.failure);
  const message = `it was deleted, but could not be created again: ${error!.message}`;
  return failed(change, { reason: error!.reason, message, hint: 'mend it and run apply again' });
}

function refused(desk: Desk, { change, manifest, live }: Step, failure: ApiFailure): Outcome {
  const objects = live ? [manifest.object, live] : [manifest.object];
  return failed(change, describeFailure(change.id, failure, desk.gate, ...objects));
}
