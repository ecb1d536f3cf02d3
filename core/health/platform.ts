import type { Health } from '../model/health.ts';
import { dig, isObject } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { conditionsOf, findCondition, mapsAt, saying, textAt } from './fields.ts';
import { byType, noStatus, notReconciled } from './generic.ts';
import { degraded, failed, healthy, progressing, suspended } from './verdict.ts';

// Kinds of Crossplane that only hold settings.
const CROSSPLANE_STATIC =
  /^(?:Composition|CompositionRevision|DeploymentRuntimeConfig|ControllerConfig|EnvironmentConfig|StoreConfig)$|ProviderConfig(?:Usage)?$/;
const CROSSPLANE_GOOD = ['Ready', 'Healthy', 'Offered', 'Established', 'ValidPipeline', 'RevisionHealthy'];

/** Crossplane's own kinds and Upbound's providers: `Synced` first, then whichever word of health there is (Argo CD). */
export function crossplane(object: KubeObject): Health {
  const { status } = object;
  if (CROSSPLANE_STATIC.test(object.kind) && conditionsOf(status).length === 0) return noStatus();
  for (const type of ['LastAsyncOperation', 'Synced']) {
    const bad = findCondition(object, type, 'False');
    if (bad) return degraded(bad.reason || `Not${type}`, saying(bad));
  }
  const words = conditionsOf(status).filter(({ type }) => CROSSPLANE_GOOD.includes(type));
  const bad = words.find((condition) => condition.status !== 'True');
  // A package that is installed and does not run is no work in progress.
  if (bad?.status === 'False' && object.kind === 'Provider')
    return degraded(bad.reason || `Not${bad.type}`, saying(bad));
  if (bad) return progressing(bad.reason || `Not${bad.type}`, saying(bad));
  const [good] = words;
  return good ? healthy(good.reason || good.type, saying(good)) : notReconciled();
}

const MACHINE_PHASES: Record<string, string> = { Machine: 'Running', Cluster: 'Provisioned' };

/** What is paused is left alone by its controller. */
export function pausedBySpec(object: KubeObject): Health | undefined {
  return dig(object, 'spec', 'paused') === true ? suspended('Paused', 'it is paused') : undefined;
}

/** Cluster API's Machine and Cluster, by their phases (Argo CD). */
export function clusterApi(object: KubeObject): Health {
  const phase = textAt(object.status, 'phase');
  const ready = findCondition(object, 'Ready', 'False');
  const why = ready ? saying(ready) : textAt(object.status, 'failureMessage');
  if (phase === 'Failed') return failed('PhaseFailed', why || 'its phase is Failed');
  if (ready && object.kind === 'Cluster') return degraded(ready.reason || 'NotReady', why);
  if (phase !== '' && phase === MACHINE_PHASES[object.kind]) return healthy(phase, `its phase is ${phase}`);
  return progressing('Provisioning', why || (phase ? `its phase is ${phase}` : 'it has no phase yet'));
}

const VELERO_BAD =
  /^(?:Failed|PartiallyFailed|FailedValidation|FinalizingPartiallyFailed|WaitingForPluginOperationsPartiallyFailed|Unavailable)$/;
const VELERO_GOOD = ['Completed', 'Enabled', 'Available', 'Ready', 'Processed'];

/** Velero's kinds say how they are by `status.phase`. A backup that failed is not made again. */
export function velero(object: KubeObject): Health {
  const paused = pausedBySpec(object);
  if (paused) return paused;
  const phase = textAt(object.status, 'phase');
  const message = textAt(object.status, 'failureReason') || textAt(object.status, 'message');
  if (VELERO_GOOD.includes(phase)) return healthy(phase, message || `its phase is ${phase}`);
  if (phase === 'Unavailable') return degraded(phase, message || 'the location cannot be reached');
  if (VELERO_BAD.test(phase)) return failed(phase, message || `its phase is ${phase}`);
  return progressing(phase ? 'InProgress' : 'New', phase ? `its phase is ${phase}` : 'Velero has not begun');
}

/** Gateway API: what was not accepted or does not resolve is degraded, what is not programmed yet is on its way (Argo CD). */
export function gateway(object: KubeObject): Health {
  const own = verdictOf(object, object.status, 'the Gateway');
  if (own) return own;
  for (const listener of mapsAt(object.status, 'listeners')) {
    const bad = verdictOf(object, listener, `listener ${textAt(listener, 'name')}`);
    if (bad) return bad;
  }
  return conditionsOf(object.status).length > 0
    ? healthy('Programmed', 'all listeners are programmed')
    : notReconciled();
}

/** HTTPRoute, GRPCRoute and their like: by every parent that they want, each of which answers for itself. */
export function route(object: KubeObject): Health {
  const parents = mapsAt(object.status, 'parents');
  for (const parent of parents) {
    const bad = verdictOf(object, parent, `parent ${textAt(parent, 'parentRef', 'name')}`);
    if (bad) return bad;
  }
  if (parents.every((parent) => conditionsOf(parent).length === 0)) return notReconciled();
  return healthy(
    'Accepted',
    `accepted by ${parents.map((parent) => textAt(parent, 'parentRef', 'name')).join(', ')}`,
  );
}

function verdictOf(
  object: KubeObject,
  holder: Parameters<typeof conditionsOf>[0],
  what: string,
): Health | undefined {
  const conditions = conditionsOf(holder);
  const generation = dig(object.metadata, 'generation');
  for (const condition of conditions) {
    const { type, status, reason, observedGeneration: observed } = condition;
    const message = `${what}: ${saying(condition)}`;
    if (typeof generation === 'number' && observed !== undefined && observed < generation) {
      return progressing(
        'GenerationNotObserved',
        `${what} has seen generation ${observed}, and the newest is ${generation}`,
      );
    }
    const good = type === 'ResolvedRefs' || type === 'Accepted';
    if (good && status === 'False' && reason !== 'Pending') return degraded(reason || `Not${type}`, message);
    if (type === 'Conflicted' && status === 'True') return degraded(reason || type, message);
  }
  const waiting = conditions.find(
    ({ type, status }) => (type === 'Programmed' || type === 'Accepted') && status !== 'True',
  );
  return waiting && progressing(waiting.reason || `Not${waiting.type}`, `${what}: ${saying(waiting)}`);
}

export function gatewayClass(object: KubeObject): Health {
  return byType(object, 'Accepted');
}

/** RabbitMQ's cluster operator: a spec that could not be carried out is degraded, a cluster that forms on its way (Argo CD). */
export function rabbitmq(object: KubeObject): Health {
  const bad = findCondition(object, 'ReconcileSuccess', 'False');
  if (bad) return degraded(bad.reason || 'NotReconciled', saying(bad));
  const [cluster, replicas] = ['ClusterAvailable', 'AllReplicasReady'].map((type) =>
    findCondition(object, type),
  );
  if (!cluster || !replicas) return notReconciled();
  if (replicas.status === 'False' && replicas.reason === 'ScaledToZero')
    return suspended(replicas.reason, saying(replicas));
  const waits = [cluster, replicas].find(({ status }) => status !== 'True');
  if (waits) return progressing(waits.reason || `Not${waits.type}`, saying(waits));
  return healthy(replicas.reason || replicas.type, saying(replicas));
}

/** Elastic's ECK: phase first, then the colour of the cluster (Argo CD). */
export function elasticsearch(object: KubeObject): Health {
  if (!isObject(object.status)) return notReconciled();
  const [phase, colour] = ['phase', 'health'].map((key) => textAt(object.status, key));
  if (phase === 'Invalid') return failed('Invalid', 'the operator calls the spec invalid');
  if (phase !== 'Ready') return progressing('Applying', `its phase is ${phase || 'not known'}`);
  if (colour === 'green') return healthy('Green', 'the cluster is green');
  if (colour === 'yellow' || colour === 'red') {
    return degraded(
      colour === 'red' ? 'Red' : 'Yellow',
      `the cluster is ${colour}: not all shards are assigned`,
    );
  }
  return progressing('HealthUnknown', 'the operator does not know the colour of the cluster');
}
