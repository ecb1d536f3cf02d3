import { dig } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import type { Verdict } from '../model/plan.ts';

/** Objects that are told apart from the set before anything is asked: hooks, and what a person set aside. */
export function skipped(object: KubeObject): Verdict | undefined {
  if (dig(object, 'metadata', 'annotations', 'argocd.argoproj.io/hook') !== undefined) {
    return { action: 'skip', reason: 'Hook', message: 'hooks are not supported yet' };
  }
  if (dig(object, 'metadata', 'annotations', 'agent.gitlab.com/ignore') === 'true') {
    return { action: 'skip', reason: 'Ignored', message: 'annotated agent.gitlab.com/ignore' };
  }
  return undefined;
}
