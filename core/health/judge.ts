import type { Health } from '../model/health.ts';
import type { KubeObject } from '../model/object.ts';
import { byConditions, standardConditions, unobserved } from './generic.ts';
import { judgeEarly, judgeEnding, judgeOf } from './kinds.ts';

export interface HealthOptions {
  /** A Pod has some seconds to find a node. */
  now: Date;
}

/**
 * How far a live object is from what its spec wants, from nothing but the object. The rules are kstatus's
 * (sigs.k8s.io/cli-utils/pkg/kstatus), with Argo CD's where they are finer; each rule says where it differs. Any
 * object is judged, whatever is in it; `missing` is for callers that find none.
 */
export function judgeHealth(object: KubeObject, options: HealthOptions): Health {
  return (
    judgeEnding(object) ??
    judgeEarly(object) ??
    unobserved(object) ??
    standardConditions(object) ??
    (judgeOf(object) ?? byConditions)(object, options.now)
  );
}
