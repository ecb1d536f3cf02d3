import type { ApplyError } from '../model/apply.ts';
import type { Cluster, ObjectRef } from '../model/cluster.ts';
import { dig, isObject, type Json } from '../model/json.ts';
import type { ObjectId } from '../model/object.ts';
import { kindKey } from '../plan/crd.ts';
import { type Clock, poll } from './clock.ts';

// The API server establishes a CRD within a second; one that takes this long never will.
const PATIENCE = { first: 25, longest: 1000, total: 30_000 };

/** Waits until the API server accepts objects of a CRD's kinds; the error says why it does not. */
export async function untilEstablished(
  cluster: Cluster,
  clock: Clock,
  ref: ObjectRef,
): Promise<ApplyError | undefined> {
  let why = 'its status is still empty';
  const established = await poll(clock, PATIENCE, async () => {
    const answer = await cluster.get(ref);
    if (!answer.ok) {
      why = `it can't be read: ${answer.failure.message}`;
      return undefined;
    }
    const conditions = dig(answer.value, 'status', 'conditions');
    const refused = condition(conditions, 'NamesAccepted', 'False');
    if (refused) why = `its names are not accepted: ${String(dig(refused, 'message') ?? '')}`;
    return condition(conditions, 'Established', 'True') && !refused ? true : undefined;
  });
  if (established) return undefined;
  const message = `it was applied, but is not established after ${PATIENCE.total / 1000} seconds: ${why}`;
  return { reason: 'NotEstablished', message };
}

/** Waits until discovery knows all of these kinds, as far as it comes to know them. */
export async function untilServed(cluster: Cluster, clock: Clock, ids: readonly ObjectId[]): Promise<void> {
  const wanted = new Set(ids.map(kindKey));
  await poll(clock, PATIENCE, async () => {
    const { resources } = await cluster.discover({ refresh: true });
    return wanted.isSubsetOf(new Set(resources.map(kindKey))) ? true : undefined;
  });
}

function condition(conditions: Json | undefined, type: string, status: string): Json | undefined {
  if (!Array.isArray(conditions)) return undefined;
  return conditions.find((one) => isObject(one) && one.type === type && one.status === status);
}
