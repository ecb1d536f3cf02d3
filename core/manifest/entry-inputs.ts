import { DEFAULT_GLOB, DEFAULT_MANIFEST, type ManifestEntry } from '../model/agent-config.ts';
import type { RevisionTree } from '../model/file-tree.ts';
import type { Limits } from './load.ts';
import type { ReadInputs } from './read.ts';

/** What one entry may have; more is a mistake before us rather than a wish. */
export const ENTRY_LIMITS: Limits = { files: 10_000, fileBytes: 5 * 2 ** 20, totalBytes: 64 * 2 ** 20 };

/**
 * What an entry reads of a revision: its paths, else with `kustomize` the root, else a `manifest.yaml` at the root if
 * there is one, as in 13.4, else everything. `open` is asked only for the latter.
 */
export async function entryInputs(
  { paths, kustomize }: Pick<ManifestEntry, 'paths' | 'kustomize'>,
  open: () => Promise<RevisionTree>,
): Promise<Required<Pick<ReadInputs, 'filenames' | 'kustomizations' | 'recursive'>>> {
  if (kustomize) return { filenames: [], kustomizations: paths.length > 0 ? paths : ['.'], recursive: true };
  const filenames = paths.length > 0 ? paths : [await unsaidPath(open)];
  return { filenames, kustomizations: [], recursive: true };
}

async function unsaidPath(open: () => Promise<RevisionTree>): Promise<string> {
  const tree = await open();
  try {
    const found = await tree.real(DEFAULT_MANIFEST);
    return found?.kind === 'file' ? DEFAULT_MANIFEST : DEFAULT_GLOB;
  } finally {
    await tree.close();
  }
}
