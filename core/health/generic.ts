import type { Health } from '../model/health.ts';
import { dig, isObject } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { type Condition, conditionsOf, findCondition, numberAt, saying, textAt } from './fields.ts';
import { degraded, failed, healthy, progressing } from './verdict.ts';

/** An object that is being deleted is on its way, whatever its status says (kstatus and Argo CD). */
export function terminating(object: KubeObject): Health | undefined {
  if (!textAt(object.metadata, 'deletionTimestamp')) return undefined;
  const { finalizers } = object.metadata;
  const names = Array.isArray(finalizers) ? finalizers.filter((name) => typeof name === 'string') : [];
  const held = names.length > 0 ? `, held by ${names.join(', ')}` : '';
  return progressing('Terminating', `it is being deleted${held}`);
}

/** The controller has not seen the newest spec: its status speaks of an older one (kstatus). */
export function unobserved(object: KubeObject): Health | undefined {
  const generation = generationOf(object);
  const observed = observedGeneration(object);
  if (generation === undefined || observed === undefined || observed === generation) return undefined;
  return progressing('GenerationNotObserved', notSeen(generation, observed));
}

/** `metadata.generation`; the API server counts it for kinds with a spec. */
export function generationOf(object: KubeObject): number | undefined {
  const generation = numberAt(object.metadata, Number.NaN, 'generation');
  return Number.isNaN(generation) ? undefined : generation;
}

function observedGeneration(object: KubeObject): number | undefined {
  const observed = dig(object, 'status', 'observedGeneration');
  if (typeof observed === 'number' || typeof observed === 'bigint') return Number(observed);
  // Argo Rollouts writes it as text.
  return typeof observed === 'string' && /^\d+$/.test(observed) ? Number(observed) : undefined;
}

function notSeen(generation: number, observed: number): string {
  return `its controller has seen generation ${observed}, and the newest is ${generation}`;
}

/** kstatus's own two conditions, abnormal when true, decide for every kind that has them. */
export function standardConditions(object: KubeObject): Health | undefined {
  const stalled = findCondition(object, 'Stalled', 'True');
  if (stalled) return failed(stalled.reason || 'Stalled', saying(stalled));
  const reconciling = findCondition(object, 'Reconciling', 'True');
  return reconciling && progressing(reconciling.reason || 'Reconciling', saying(reconciling));
}

const ABNORMAL_WHEN_TRUE = ['Failed', 'Degraded'];
const NORMAL_WHEN_TRUE = ['Ready', 'Available', 'Healthy'];

/**
 * Kinds without a rule of their own, by the conditions that most controllers write (API conventions, *Typical status
 * properties*): the first of Ready, Available and Healthy decides, and one that is not true is on its way, as kstatus
 * has it. Without a status, or without conditions that we know, an object is as wanted.
 */
export function byConditions(object: KubeObject): Health {
  const { status } = object;
  if (!isObject(status) || Object.keys(status).length === 0) return noStatus();
  const conditions = conditionsOf(status);
  const abnormal = conditions.find(
    (condition) => ABNORMAL_WHEN_TRUE.includes(condition.type) && condition.status === 'True',
  );
  if (abnormal) return degraded(abnormal.reason || abnormal.type, saying(abnormal));
  for (const type of NORMAL_WHEN_TRUE) {
    const condition = conditions.find((candidate) => candidate.type === type);
    if (condition) return byCondition(object, condition, progressing);
  }
  // Runs that end, such as those of Tekton, say so by one condition: Unknown while they are at it (Knative's contract).
  const run = conditions.find(({ type }) => type === 'Succeeded');
  if (run) return byCondition(object, run, failed);
  return healthy('NoConditions', 'its status holds no condition that speaks of health');
}

export function noStatus(): Health {
  return healthy('NoStatus', 'it reports no status');
}

/** A condition that is good when true. `whenFalse` words what False means; Unknown is always on its way. */
export function byCondition(
  object: KubeObject,
  condition: Condition,
  whenFalse: (reason: string, message: string) => Health,
): Health {
  return stale(object, condition) ?? judgeCondition(condition, whenFalse);
}

function judgeCondition(
  condition: Condition,
  whenFalse: (reason: string, message: string) => Health,
): Health {
  if (condition.status === 'True') return healthy(condition.reason || condition.type, saying(condition));
  const reason = condition.reason || `Not${condition.type}`;
  return condition.status === 'False'
    ? whenFalse(reason, saying(condition))
    : progressing(reason, saying(condition));
}

/** A condition may say itself which generation it speaks of. */
export function stale(object: KubeObject, condition: Condition): Health | undefined {
  const generation = generationOf(object);
  const observed = condition.observedGeneration;
  if (generation === undefined || observed === undefined || observed >= generation) return undefined;
  return progressing('GenerationNotObserved', notSeen(generation, observed));
}

/** The rule of most operators: `Ready` decides, False is degraded, and before there is a `Ready` it is on its way. */
export function byReady(object: KubeObject): Health {
  return byType(object, 'Ready');
}

/** The same with another word for Ready. */
export function byType(object: KubeObject, type: string): Health {
  const condition = findCondition(object, type);
  return condition ? byCondition(object, condition, degraded) : notReconciled();
}

export function notReconciled(): Health {
  return progressing('NotReconciled', 'its controller has not reported on it yet');
}
