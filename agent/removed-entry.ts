import { applySetId } from '../core/apply/apply-set.ts';
import { LINGERS } from '../core/apply/prune.ts';
import { removeSet } from '../core/apply/remove-set.ts';
import type { Log } from '../core/daemon/log.ts';
import type { ManifestEntry } from '../core/model/agent-config.ts';
import type { Cluster } from '../core/model/cluster.ts';
import { dig, isObject, tryParseJson } from '../core/model/json.ts';
import { formatObject, type KubeObject } from '../core/model/object.ts';
import { SecretGate } from '../core/plan/secret-gate.ts';

export interface RemovalOptions {
  name: string;
  version: string;
  log: Log;
  /** Aborted when no further object may be deleted: the entry is back, or everything ends. */
  stop: AbortSignal;
}

/** What became of an entry, in words, and whether trying again may do more. */
export interface Removal {
  words: string;
  mayDoMore: boolean;
}

/**
 * An entry left the configuration. With `on_removal: prune` its objects are deleted, behind the guards of single
 * objects, and the parent goes when nothing is left of the set; otherwise all stays as it is. Throws ProblemError where
 * the cluster can't be asked.
 */
export async function removeEntry(
  cluster: Cluster,
  parent: KubeObject,
  options: RemovalOptions,
): Promise<Removal> {
  const { name, version, log, stop } = options;
  const entry = entryOf(parent);
  if (entry?.onRemoval !== 'prune') {
    const words = 'its objects were left as they are (on_removal: orphan)';
    log.info('Entry removed', { entry: name, result: words });
    return { words, mayDoMore: false };
  }
  const set = applySetId({ namespace: String(parent.metadata.namespace), name: parent.metadata.name });
  const { outcomes, isEmpty, parentFailure } = await removeSet(cluster, set, {
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
  const stays = parentFailure ? `; its parent is still there: ${parentFailure.message}` : '';
  const words = isEmpty
    ? `its ${pruned} objects were deleted (on_removal: prune)${stays}`
    : `${pruned} of its objects were deleted, ${left.length} were kept (on_removal: prune)`;
  log.info('Entry removed', { entry: name, result: words });
  const mayDoMore = isEmpty
    ? parentFailure !== undefined
    : outcomes.some(({ result, change }) => result === 'failed' || change.reason === LINGERS);
  return { words, mayDoMore };
}

function entryOf(parent: KubeObject): Partial<ManifestEntry> | undefined {
  const text = dig(parent, 'data', 'entry');
  const value = typeof text === 'string' ? tryParseJson(text) : undefined;
  return isObject(value) ? (value as Partial<ManifestEntry>) : undefined;
}
