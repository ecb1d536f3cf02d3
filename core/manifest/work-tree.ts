import { open, readdir, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Entry, EntryKind, FileTree, RealEntry } from '../model/file-tree.ts';
import { ProblemError } from '../model/problem.ts';

/** The files as they are on disk; relative paths count from `cwd`. */
export function workTree(cwd: string): FileTree {
  return {
    async list(path) {
      const entries = await wording(path, () => readdir(resolve(cwd, path), { withFileTypes: true }));
      const named = entries.map((entry): Entry => ({ name: entry.name, kind: kindOf(entry) }));
      return named.sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async real(path): Promise<RealEntry | undefined> {
      try {
        const target = await realpath(resolve(cwd, path));
        const stats = await stat(target);
        return { path: target.replaceAll('\\', '/'), kind: kindOf(stats), size: stats.size };
      } catch (error) {
        if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EINVAL'].includes(codeOf(error))) {
          // A pipe (`-f <(command)`) has no real path, but it is there.
          const stats = await stat(resolve(cwd, path)).catch(() => undefined);
          return stats ? { path: resolve(cwd, path), kind: kindOf(stats), size: stats.size } : undefined;
        }
        return await wording(path, () => Promise.reject(error));
      }
    },
    read: (path, maxBytes) => wording(path, () => readBounded(resolve(cwd, path), maxBytes)),
  };
}

async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const stats = await file.stat();
    // Pipes and devices say that they hold nothing.
    const known = stats.isFile() ? Math.min(stats.size, maxBytes) + 1 : 64 * 1024;
    let buffer = Buffer.allocUnsafe(known);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length > maxBytes) return buffer.subarray(0, length);
      if (length < buffer.length) {
        if (stats.isFile() && length >= stats.size) return buffer.subarray(0, length);
        continue;
      }
      const larger = Buffer.allocUnsafe(Math.min(buffer.length * 2, maxBytes + 1));
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    }
  } finally {
    await file.close();
  }
}

function kindOf(entry: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }): EntryKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

const MESSAGES: Record<string, string> = {
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
  EISDIR: 'is a directory',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'no such file or directory',
  ELOOP: 'the symbolic links lead in a circle',
  EMFILE: 'too many files are open',
};

async function wording<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const code = codeOf(error);
    if (code === '') throw error;
    throw new ProblemError({
      code: 'Unreadable',
      message: MESSAGES[code] ?? `reading failed (${code})`,
      file: path,
    });
  }
}
