import { pause } from '../core/daemon/time.ts';
import type { Cluster, Resource } from '../core/model/cluster.ts';
import { dig } from '../core/model/json.ts';
import { formatObject, type ObjectId } from '../core/model/object.ts';

const FIRST_LOOK = 250;
const LONGEST_PAUSE = 10_000;

/**
 * Waits until objects that were deleted are gone, `timeout` ms at most (null: without end). Returns a sentence about
 * what is still there then; undefined where nothing is. What somebody made anew meanwhile counts as gone, and so does
 * what may not be looked at.
 */
export async function untilGone(
  cluster: Cluster,
  deleted: readonly ObjectId[],
  { timeout, signal }: { timeout: number | null; signal: AbortSignal },
): Promise<string | undefined> {
  const startedAt = Date.now();
  const { resources } = await cluster.discover();
  let left = deleted.flatMap((id) => {
    const resource = resources.find(({ group, kind }) => group === id.group && kind === id.kind);
    return resource ? [{ id, resource, why: '' }] : [];
  });
  for (let wait = FIRST_LOOK; ; wait = Math.min(LONGEST_PAUSE, wait * 2)) {
    const looks = await Promise.all(left.map((one) => look(cluster, one)));
    left = looks.filter((one) => one !== undefined);
    if (left.length === 0) return undefined;
    const rest = timeout === null ? wait : startedAt + timeout - Date.now();
    if (rest <= 0) break;
    await pause(Math.min(wait, rest), signal);
    signal.throwIfAborted();
  }
  const [{ id, why }] = left as [Leaving];
  const more = left.length > 1 ? ` (and ${left.length - 1} more)` : '';
  return `${formatObject(id)} is still there ${Math.round(timeout! / 1000)} s after it was deleted${why}${more}`;
}

interface Leaving {
  id: ObjectId;
  resource: Resource;
  /** What holds it. */
  why: string;
}

async function look(cluster: Cluster, { id, resource }: Leaving): Promise<Leaving | undefined> {
  const found = await cluster.get({ resource, namespace: id.namespace, name: id.name });
  if (!found.ok)
    return found.failure.status >= 400 && found.failure.status < 429 ? undefined : { id, resource, why: '' };
  const { deletionTimestamp, finalizers } = found.value.metadata;
  if (deletionTimestamp === undefined) return undefined;
  const names = Array.isArray(finalizers) ? finalizers.join(', ') : '';
  const condition = dig(found.value, 'status', 'phase') === 'Terminating' ? ', it is terminating' : '';
  return { id, resource, why: names ? `: it waits for its finalizers ${names}` : condition };
}
