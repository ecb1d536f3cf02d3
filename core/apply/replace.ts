import type { ApplyError } from '../model/apply.ts';
import type { ApiFailure, Cluster, ObjectRef, Propagation, Resource } from '../model/cluster.ts';
import { dig } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { type Clock, poll } from './clock.ts';

export const REPLACE = 'agent.gitlab.com/replace';

// Garbage collection of Pods and a slow finalizer take seconds; what takes longer is stuck, and a person has to look.
const UNTIL_GONE = { first: 50, longest: 2000, total: 60_000 };

/** Whether the user opted in to deleting the object: for the run, or by an annotation on this one. */
export function mayReplace(forRun: boolean, object: KubeObject): boolean {
  return forRun || dig(object, 'metadata', 'annotations', REPLACE) === 'true';
}

type Deletion = { gone: true } | { failure: ApiFailure } | { error: ApplyError };

/**
 * Deletes the object that was read (by its UID; where `exact`, only as it was read) and waits until its name is free. Workloads go in the foreground:
 * the Pods of the old one must not run beside those of the new one.
 */
export async function deleteForReplace(
  { cluster, clock, exact }: { cluster: Cluster; clock: Clock; exact: boolean },
  ref: ObjectRef,
  live: KubeObject,
): Promise<Deletion> {
  const uid = String(live.metadata.uid);
  const answer = await cluster.delete(ref, {
    uid,
    ...(exact && { resourceVersion: String(live.metadata.resourceVersion) }),
    propagation: propagationOf(ref.resource),
    dryRun: false,
  });
  if (!answer.ok && answer.failure.status !== 404) return { failure: answer.failure };
  let finalizers = '';
  const gone = await poll(clock, UNTIL_GONE, async (): Promise<Deletion | undefined> => {
    const now = await cluster.get(ref);
    if (!now.ok) return now.failure.status === 404 ? { gone: true } : { failure: now.failure };
    if (now.value.metadata.uid !== uid) return { gone: true };
    finalizers = (dig(now.value, 'metadata', 'finalizers') as string[] | undefined)?.join(', ') ?? '';
    return undefined;
  });
  if (gone) return gone;
  const message = `it was deleted, but is still there after ${UNTIL_GONE.total / 1000} seconds; its finalizers: ${finalizers || 'none'}`;
  return { error: { reason: 'DeletionPending', message, hint: 'run apply again once it is gone' } };
}

function propagationOf({ group }: Resource): Propagation {
  return group === 'apps' || group === 'batch' ? 'Foreground' : 'Background';
}
