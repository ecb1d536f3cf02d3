import { once } from 'node:events';
import type { EntryKind } from '../model/file-tree.ts';
import { ProblemError } from '../model/problem.ts';
import { firstLine, type GitOptions, startGit, wordStart } from './run-git.ts';

export interface ListedEntry {
  kind: EntryKind;
  executable: boolean;
  oid: string;
  /** In bytes; 0 for what is no file, undefined where the file is not in this repository. */
  size: number | undefined;
}

// With the longest names that file systems take; no directory of a hostile commit makes it endless.
const MOST_BYTES_PER_ENTRY = 1024;

/**
 * All files and directories of a commit by their paths, the root as ''. A few bytes of a repository can name
 * billions of files: reading stops with `TooLarge` after `most` of them. Rejects with a ProblemError.
 */
export async function listCommit(
  commit: string,
  most: number,
  options: GitOptions,
): Promise<Map<string, ListedEntry>> {
  options.signal.throwIfAborted();
  const child = startGit(['ls-tree', '-r', '-t', '-z', '--long', '--full-tree', commit], options);
  child.stdin.end();
  const nodes = new Map<string, ListedEntry>([
    ['', { kind: 'directory', executable: false, oid: '', size: 0 }],
  ]);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(0, 4096);
  });
  const closed = once(child, 'close');
  // Awaited below; a failed start ends the loop first.
  closed.catch(() => undefined);
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      rest = addRecords(Buffer.concat([rest, chunk]), nodes);
      if (nodes.size > most + 1 || rest.length > most * MOST_BYTES_PER_ENTRY) throw tooMany(most);
    }
    const [code] = (await closed) as [number | null];
    options.signal.throwIfAborted();
    if (code === 0) return nodes;
    throw new ProblemError({ code: 'GitFailed', message: `git ls-tree failed: ${firstLine(stderr)}` });
  } catch (error) {
    child.kill('SIGKILL');
    options.signal.throwIfAborted();
    throw wordStart(error as NodeJS.ErrnoException);
  }
}

function tooMany(most: number): ProblemError {
  return new ProblemError({
    code: 'TooLarge',
    message: `the commit has more than ${most} files and directories`,
    hint: 'keep manifests in a repository of their own',
  });
}

/** Adds the whole records, each `<mode> <type> <oid> <size>\t<path>` and a NUL; returns what is left. */
function addRecords(bytes: Buffer, nodes: Map<string, ListedEntry>): Buffer {
  const end = bytes.lastIndexOf(0);
  if (end < 0) return bytes;
  for (const record of bytes.toString('utf8', 0, end).split('\0')) {
    const match = /^(\d+) \w+ ([0-9a-f]+) +(\d+|-|BAD)\t(.+)$/s.exec(record);
    if (!match) continue;
    const [, mode, oid, size, path] = match as unknown as [string, string, string, string, string];
    nodes.set(path, {
      kind: kindOf(mode),
      executable: mode === '100755',
      oid,
      size: size === '-' ? 0 : size === 'BAD' ? undefined : Number(size),
    });
  }
  return bytes.subarray(end + 1);
}

function kindOf(mode: string): EntryKind {
  if (mode.startsWith('100')) return 'file';
  if (mode === '040000') return 'directory';
  return mode === '120000' ? 'link' : 'other';
}
