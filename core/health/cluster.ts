import type { Health } from '../model/health.ts';
import type { KubeObject } from '../model/object.ts';
import { conditionsOf, findCondition, saying, textAt } from './fields.ts';
import { terminating } from './generic.ts';
import { degraded, healthy, progressing } from './verdict.ts';

/** Says what holds a Namespace that is being deleted: the conditions that its controller writes. */
export function endingNamespace(object: KubeObject): Health | undefined {
  const ends = terminating(object) ?? (textAt(object.status, 'phase') === 'Terminating' ? ENDING : undefined);
  if (!ends) return undefined;
  const holding = conditionsOf(object.status).filter(
    ({ type, status }) => type.startsWith('Namespace') && status === 'True',
  );
  return holding.length === 0 ? ends : { ...ends, message: holding.map(saying).join('; ') };
}

const ENDING = progressing('Terminating', 'it is being deleted');

/** A node that is not ready does no work, and one that says nothing does none that anybody knows of. */
export function node(object: KubeObject): Health {
  const ready = findCondition(object, 'Ready');
  if (!ready) return progressing('NotReported', 'no kubelet has reported on it yet');
  const reason = ready.reason || 'Ready';
  return ready.status === 'True' ? healthy(reason, saying(ready)) : degraded(reason, saying(ready));
}
