import { applySetId } from '../core/apply/apply-set.ts';
import { removeSet } from '../core/apply/remove-set.ts';
import type { ManifestEntry } from '../core/model/agent-config.ts';
import type { Cluster } from '../core/model/cluster.ts';
import { dig, isObject, parseJson } from '../core/model/json.ts';
import { formatObject, type KubeObject } from '../core/model/object.ts';
import { SecretGate } from '../core/plan/secret-gate.ts';
import type { Log } from './log.ts';

export interface RemovalOptions {
  name: string;
  version: string;
  log: Log;
  stop: AbortSignal;
  /** Whether the entry is in the configuration again by now. */
  isBack: () => boolean;
}

/**
 * An entry left the configuration. With `on_removal: prune` its objects are deleted, behind the guards of single
 * objects, and the parent goes when nothing is left of the set; otherwise all stays as it is. What was done, in words.
 */
export async function removeEntry(
  cluster: Cluster,
  parent: KubeObject,
  options: RemovalOptions,
): Promise<string> {
  const { name, version, log, stop, isBack } = options;
  const entry = entryOf(parent);
  if (entry?.onRemoval !== 'prune') {
    const words = 'its objects were left as they are (on_removal: orphan)';
    log.info('Entry removed', { entry: name, result: words });
    return words;
  }
  if (isBack() || stop.aborted) return 'its objects are still to be deleted';
  const set = applySetId({ namespace: String(parent.metadata.namespace), name: parent.metadata.name });
  const { outcomes, isEmpty } = await removeSet(cluster, set, {
    pruneKinds: new Set(entry.pruneKinds ?? []),
    version,
    gate: new SecretGate(),
    stop,
  });
  const pruned = outcomes.filter(({ result }) => result === 'pruned').length;
  const left = outcomes.filter(({ result }) => result !== 'pruned');
  for (const { change, error } of left)
    log.warn('Object not deleted', {
      entry: name,
      object: formatObject(change.id),
      error: error ? `${error.reason}: ${error.message}` : (change.reason ?? ''),
    });
  const words = isEmpty
    ? `its ${pruned} objects were deleted (on_removal: prune)`
    : `${pruned} of its objects were deleted, ${left.length} were kept (on_removal: prune)`;
  log.info('Entry removed', { entry: name, result: words });
  return words;
}

function entryOf(parent: KubeObject): Partial<ManifestEntry> | undefined {
  const text = dig(parent, 'data', 'entry');
  if (typeof text !== 'string') return undefined;
  try {
    const value = parseJson(text);
    return isObject(value) ? (value as Partial<ManifestEntry>) : undefined;
  } catch {
    return undefined;
  }
}
