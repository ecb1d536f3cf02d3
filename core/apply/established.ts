import type { ApplyError } from '../model/apply.ts';
import type { Cluster, ObjectRef } from '../model/cluster.ts';
import { dig, isObject, type Json } from '../model/json.ts';
import type { ObjectId } from '../model/object.ts';
import { kindKey } from '../plan/crd.ts';
import { type Clock, poll } from './clock.ts';

// The API server establishes a CRD within a second where it has nothing else to do. A busy one that
// has been given a dozen of them may not come to look at the last for more than half a minute.
const PATIENCE = { first: 25, longest: 1000, total: 120_000 };

/** Names that another CRD holds are given this long to become free, in ms: it may be being deleted. */
const REFUSED_LASTS = 30_000;

/** Waits until the API server accepts objects of a CRD's kinds; the error says why it does not. */
export async function untilEstablished(
  cluster: Cluster,
  clock: Clock,
  ref: ObjectRef,
): Promise<ApplyError | undefined> {
  const begun = clock.now();
  let why = 'its status is still empty';
  const end = await poll(clock, PATIENCE, async () => {
    const answer = await cluster.get(ref);
    if (!answer.ok) {
      why = `it can't be read: ${answer.failure.message}`;
      return undefined;
    }
    const conditions = dig(answer.value, 'status', 'conditions');
    const refused = condition(conditions, 'NamesAccepted', 'False');
    if (!refused) return condition(conditions, 'Established', 'True') ? 'established' : undefined;
    why = `its names are not accepted: ${String(dig(refused, 'message') ?? '')}`;
    return clock.now() - begun < REFUSED_LASTS ? undefined : 'refused';
  });
  if (end === 'established') return undefined;
  const seconds = Math.floor((clock.now() - begun) / 1000);
  const message = `it was applied, but is not established after ${seconds} seconds: ${why}`;
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
