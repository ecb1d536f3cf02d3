import type { Attempt, RevisionReader } from '../../core/model/source.ts';
import type { Batch } from './batch.ts';
import { batchTree } from './batch-tree.ts';

/** Opens the batches that `find` has in memory; what it hasn't is told as it says. Below `scratch` are the check-outs. */
export function batchReader(
  find: (commit: string) => Attempt<{ batch: Batch }>,
  scratch: string,
): RevisionReader {
  return {
    fetch: async (commit) => {
      const found = find(commit);
      return found.ok ? { ok: true, bytes: 0 } : found;
    },
    open: async (commit) => {
      const found = find(commit);
      return found.ok ? { ok: true, tree: batchTree(found.batch, scratch) } : found;
    },
  };
}
