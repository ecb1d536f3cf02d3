import { DEFAULT_GLOB, DEFAULT_MANIFEST } from '../model/agent-config.ts';
import type { RevisionTree } from '../model/file-tree.ts';

/** What is read where an entry names no paths: a `manifest.yaml` at the root if there is one, as in 13.4. */
export async function defaultPath(open: () => Promise<RevisionTree>): Promise<string> {
  const tree = await open();
  try {
    const found = await tree.real(DEFAULT_MANIFEST);
    return found?.kind === 'file' ? DEFAULT_MANIFEST : DEFAULT_GLOB;
  } finally {
    await tree.close();
  }
}
