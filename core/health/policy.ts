import type { Health } from '../model/health.ts';
import { dig, type Json, parseJson } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { type Condition, conditionsOf, findCondition, numberAt, saying, textAt } from './fields.ts';
import { count, degraded, healthy, progressing } from './verdict.ts';

/**
 * kstatus: current once the controller has seen it. A budget that the Pods do not reach at the moment is no defect of
 * its own (argo-cd#20171); one that cannot be computed is, as in Argo CD.
 */
export function disruptionBudget(object: KubeObject): Health {
  const condition = findCondition(object, 'DisruptionAllowed');
  if (condition?.status === 'False' && condition.reason !== 'InsufficientPods') {
    return degraded(condition.reason || 'SyncFailed', saying(condition));
  }
  if (!condition && dig(object, 'status', 'observedGeneration') === undefined) {
    return progressing('NotObserved', 'the controller has not counted its Pods yet');
  }
  const allowed = numberAt(object, 0, 'status', 'disruptionsAllowed');
  return healthy(condition?.reason || 'Observed', `${count(allowed, 'disruption')} allowed`);
}

/**
 * Argo CD's rule for autoscaling/v1, v2 and v2beta*: a scale or a metric that cannot be read is degraded. Reaching the
 * limit is healthy (kstatus calls ScalingLimited failed), and so is a target that was scaled to 0.
 */
export function horizontalPodAutoscaler(object: KubeObject): Health {
  const conditions = autoscalerConditions(object);
  const bad = conditions.find(({ type, reason }) => DEGRADED.get(type)?.has(reason));
  if (bad) return degraded(bad.reason, saying(bad));
  const current = numberAt(object, Number.NaN, 'status', 'currentReplicas');
  const numbers = Number.isNaN(current) ? undefined : count(current, 'replica');
  // The one that says more first.
  for (const type of ['ScalingLimited', 'AbleToScale']) {
    const good = conditions.find((condition) => condition.type === type && condition.status === 'True');
    if (good) return healthy(good.reason || type, [numbers, good.message].filter(Boolean).join(': '));
  }
  return progressing('WaitingToScale', 'the autoscaler has not read its target and metrics yet');
}

const DEGRADED = new Map([
  ['AbleToScale', new Set(['FailedGetScale', 'FailedUpdateScale'])],
  [
    'ScalingActive',
    new Set([
      'FailedGetResourceMetric',
      'FailedGetContainerResourceMetric',
      'FailedGetObjectMetric',
      'FailedGetPodsMetric',
      'FailedGetExternalMetric',
      'FailedComputeMetricsReplicas',
      'InvalidMetricSourceType',
      'InvalidSelector',
    ]),
  ],
]);

/** `status.conditions`; autoscaling/v1 has them as JSON in an annotation. */
function autoscalerConditions(object: KubeObject): Condition[] {
  const text = textAt(object.metadata, 'annotations', 'autoscaling.alpha.kubernetes.io/conditions');
  if (dig(object, 'status', 'conditions') !== undefined || !text) return conditionsOf(object.status);
  let conditions: Json;
  try {
    conditions = parseJson(text);
  } catch {
    return [];
  }
  return conditionsOf({ conditions });
}
