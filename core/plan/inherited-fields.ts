import type { Answer } from '../model/cluster.ts';
import { deepEqual } from '../model/json.ts';
import type { KubeObject, ManagedFields } from '../model/object.ts';
import { type Bench, refOf } from './bench.ts';
import { type FieldSet, ownFields, union } from './field-set.ts';
import { removeFields, withoutManagedFields } from './merge.ts';
import { LAST_APPLIED, othersFields } from './ownership.ts';
import type { Scoped } from './scope.ts';

/** A controller that is at work on the object writes it a few times and is done. */
const COLLISIONS = 5;

/**
 * Asks what the server would store without the fields that were inherited. A write of somebody else between the two
 * dry runs is no answer: both are asked again, on the object as it is then.
 */
export async function askWithout(
  bench: Bench,
  item: Scoped,
  desired: KubeObject,
  released: KubeObject,
  release: (dryRun: KubeObject) => KubeObject | undefined,
): Promise<Answer<KubeObject>> {
  let wanted = released;
  for (let attempt = 1; ; attempt += 1) {
    const answer = await bench.cluster.update(refOf(item), wanted, { dryRun: true });
    if (answer.ok || answer.failure.status !== 409 || attempt === COLLISIONS) return answer;
    const again = await bench.cluster.apply(refOf(item), desired, { dryRun: true });
    if (!again.ok) return again;
    wanted = release(again.value) ?? again.value;
  }
}

/** The dry run's outcome without what only `old` held; undefined where that is no more than bookkeeping. */
export function withoutInherited(
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
