import type { Health } from '../model/health.ts';
import { dig, type Json } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { creationFailure } from './creation.ts';
import { type Condition, findCondition, numberAt, saying, textAt } from './fields.ts';
import { generationOf, unobserved } from './generic.ts';
import { count, degraded, failed, healthy, progressing, share, suspended } from './verdict.ts';

/**
 * kstatus's order of questions (`deploymentConditions`), with Argo CD's: a paused Deployment is suspended. Where
 * Pods are missing because they cannot be created, that is the answer (neither of the two looks at ReplicaFailure).
 */
export function deployment(object: KubeObject): Health {
  if (dig(object, 'spec', 'paused') === true) return suspended('Paused', 'its rollout is paused');
  const { wanted, existing, updated, ready, available } = replicasOf(object);
  const progress = findCondition(object, 'Progressing');
  if (progress?.reason === 'ProgressDeadlineExceeded') {
    const numbers = share(available, wanted, 'replica', 'available');
    return failed(progress.reason, `${numbers}: ${saying(progress)}`);
  }
  const short = shortfall({ wanted, existing, updated, ready, available });
  const failure = findCondition(object, 'ReplicaFailure', 'True');
  if (short && failure) return replicaFailure(failure, short, existing > updated);
  if (short) return short;
  // Without a deadline the controller writes no Progressing condition.
  const deadline = numberAt(object, NO_DEADLINE, 'spec', 'progressDeadlineSeconds');
  if (
    deadline !== NO_DEADLINE &&
    !(progress?.status === 'True' && progress.reason === 'NewReplicaSetAvailable')
  ) {
    return progressing('RolloutNotComplete', 'the controller has not called the rollout complete yet');
  }
  const availability = findCondition(object, 'Available');
  if (availability?.status !== 'True') {
    return progressing('NotAvailable', availability ? saying(availability) : 'it is not available yet');
  }
  return healthy('Available', share(available, wanted, 'replica', 'available'));
}

// As the Deployment controller has it: the largest int32 means none.
const NO_DEADLINE = 2 ** 31 - 1;

interface Replicas {
  wanted: number;
  existing: number;
  updated: number;
  ready: number;
  available: number;
}

function replicasOf(object: KubeObject): Replicas {
  const { status } = object as { status?: Json };
  return {
    wanted: numberAt(object, 1, 'spec', 'replicas'),
    existing: numberAt(status, 0, 'replicas'),
    updated: numberAt(status, 0, 'updatedReplicas'),
    ready: numberAt(status, 0, 'readyReplicas'),
    available: numberAt(status, 0, 'availableReplicas'),
  };
}

function shortfall({ wanted, existing, updated, ready, available }: Replicas): Health | undefined {
  if (existing < wanted) return progressing('TooFewReplicas', share(existing, wanted, 'replica', 'created'));
  if (updated < wanted) {
    const words = share(updated, wanted, 'replica', 'of the newest revision');
    return progressing('TooFewUpdated', words);
  }
  if (existing > wanted) return leftOver(existing - wanted);
  if (available < updated)
    return progressing('TooFewAvailable', share(available, wanted, 'replica', 'available'));
  if (ready < wanted) return progressing('TooFewReady', share(ready, wanted, 'replica', 'ready'));
  return undefined;
}

function leftOver(extra: number): Health {
  const verb = extra === 1 ? 'has' : 'have';
  return progressing('ReplicasLeftOver', `${count(extra, 'replica')} too many ${verb} to end first`);
}

/** `mayFree`: old Pods will go and give back what the quota lacks. */
function replicaFailure(failure: Condition, short: Health, mayFree: boolean): Health {
  const { reason, terminal } = creationFailure(failure.message);
  const message = [short.message, failure.message].filter(Boolean).join(': ');
  return terminal && !(mayFree && reason === 'QuotaExceeded')
    ? failed(reason, message)
    : degraded(reason, message);
}

/**
 * ReplicaSets and ReplicationControllers: kstatus's `replicasetConditions`; a ReplicaFailure is degraded, as in
 * Argo CD (in progress in kstatus), and needs no shortfall.
 */
export function replicaSet(object: KubeObject): Health {
  const { wanted, existing, ready, available } = replicasOf(object);
  const failure = findCondition(object, 'ReplicaFailure', 'True');
  if (failure) {
    return replicaFailure(failure, progressing('', share(existing, wanted, 'replica', 'created')), false);
  }
  const labelled = numberAt(object.status, 0, 'fullyLabeledReplicas');
  if (existing < wanted || labelled < wanted) {
    return progressing('TooFewReplicas', share(Math.min(existing, labelled), wanted, 'replica', 'created'));
  }
  if (available < wanted)
    return progressing('TooFewAvailable', share(available, wanted, 'replica', 'available'));
  if (ready < wanted) return progressing('TooFewReady', share(ready, wanted, 'replica', 'ready'));
  if (existing > wanted) return leftOver(existing - wanted);
  return healthy('Available', share(available, wanted, 'replica', 'available'));
}

/**
 * kstatus's `stsConditions`; with OnDelete the Pods have to be ready too, as in Argo CD, but need not be of the
 * newest revision. The controller writes no conditions.
 */
export function statefulSet(object: KubeObject): Health {
  const { wanted, existing, updated, ready } = replicasOf(object);
  if (existing < wanted) return progressing('TooFewReplicas', share(existing, wanted, 'replica', 'created'));
  if (ready < wanted) return progressing('TooFewReady', share(ready, wanted, 'replica', 'ready'));
  if (existing > wanted) return leftOver(existing - wanted);
  const numbers = share(ready, wanted, 'replica', 'ready');
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete') {
    return healthy('OnDelete', `${numbers}; Pods get a new revision when they are deleted`);
  }
  const partition = numberAt(object, -1, 'spec', 'updateStrategy', 'rollingUpdate', 'partition');
  if (partition >= 0) {
    const part = Math.max(wanted - partition, 0);
    if (updated < part)
      return progressing('PartitionRollout', share(updated, part, 'replica', 'of the newest revision'));
    return healthy('Ready', numbers);
  }
  const current = numberAt(object, 0, 'status', 'currentReplicas');
  if (current < wanted) return progressing('TooFewCurrent', share(current, wanted, 'replica', 'current'));
  const [from, to] = ['currentRevision', 'updateRevision'].map((key) => textAt(object.status, key));
  if (from !== to)
    return progressing('RevisionMismatch', `the rollout from ${from} to ${to} is not complete`);
  return healthy('Ready', numbers);
}

/**
 * kstatus's `daemonsetConditions`; with OnDelete old Pods may stay, as in Argo CD (in progress in kstatus). An
 * object without `metadata.generation` is judged by its numbers.
 */
export function daemonSet(object: KubeObject): Health {
  const observed = numberAt(object.status, Number.NaN, 'observedGeneration');
  if (generationOf(object) !== undefined && Number.isNaN(observed)) {
    return unobserved(object) ?? progressing('GenerationNotObserved', 'its controller has not seen it yet');
  }
  const number = (key: string): number => numberAt(object.status, 0, key);
  const wanted = numberAt(object.status, -1, 'desiredNumberScheduled');
  if (wanted < 0) return progressing('NoDesiredNumber', 'the controller has not counted the nodes yet');
  const scheduled = number('currentNumberScheduled');
  if (scheduled < wanted) return progressing('TooFewScheduled', share(scheduled, wanted, 'Pod', 'scheduled'));
  const onDelete = textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete';
  const updated = number('updatedNumberScheduled');
  if (updated < wanted && !onDelete) {
    return progressing('TooFewUpdated', share(updated, wanted, 'Pod', 'of the newest revision'));
  }
  const available = number('numberAvailable');
  if (available < wanted) return progressing('TooFewAvailable', share(available, wanted, 'Pod', 'available'));
  const ready = number('numberReady');
  if (ready < wanted) return progressing('TooFewReady', share(ready, wanted, 'Pod', 'ready'));
  if (wanted === 0) return healthy('NoNodes', 'no node is meant to run a Pod of it');
  return healthy('Available', share(available, wanted, 'Pod', 'available'));
}
