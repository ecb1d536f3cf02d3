/** Files as tests write them down. */
import type { TreeChange } from './commit-writer.ts';

/** What a file becomes; null removes it. */
export type FileContent =
  | string
  | Buffer
  | null
  | { content: string | Buffer; executable?: boolean }
  | { symlink: string }
  | { submodule: string };

export function treeChange(path: string, content: FileContent): TreeChange {
  if (content === null) return { path, remove: true };
  if (typeof content === 'string' || Buffer.isBuffer(content)) return { path, content };
  if ('symlink' in content) return { path, content: content.symlink, mode: '120000' };
  if ('submodule' in content) return { path, object: content.submodule, mode: '160000' };
  return { path, content: content.content, mode: content.executable ? '100755' : '100644' };
}
