import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Entry, EntryKind, RealEntry, RevisionTree } from '../model/file-tree.ts';
import { ProblemError } from '../model/problem.ts';
import { BlobReader } from './blob-reader.ts';
import { type GitOptions, git } from './run-git.ts';

export interface RevisionOptions extends GitOptions {
  /** The repository's own directory, for a check-out that must not leave it. */
  gitDir: string;
  /** A full commit id. */
  commit: string;
  /** As the user named it. */
  revision: string;
  /** Turns a path as the user gives it into one from the root of the tree; undefined where it leads out. */
  inTree: (path: string) => string | undefined;
}

interface Node {
  kind: EntryKind;
  executable: boolean;
  oid: string;
  size: number;
}

const MOST_LINKS = 40;

/** Reads the list of a commit's files once, and their contents as they are asked for. */
export async function openRevisionTree(options: RevisionOptions): Promise<RevisionTree> {
  const listing = await git(['ls-tree', '-r', '-t', '-z', '--long', '--full-tree', options.commit], options);
  const nodes = readListing(listing.toString('utf8'));
  const children = new Map<string, Entry[]>();
  for (const [path, { kind }] of nodes) {
    if (path === '') continue;
    const parent = posix.dirname(path) === '.' ? '' : posix.dirname(path);
    const siblings = children.get(parent);
    const entry = { name: posix.basename(path), kind };
    if (siblings) siblings.push(entry);
    else children.set(parent, [entry]);
  }
  for (const entries of children.values()) entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const blobs = new BlobReader(options);

  /** Follows links, part by part; undefined where the path leads nowhere, in a circle or out of the tree. */
  const follow = async (path: string, links = 0): Promise<string | undefined> => {
    let at = '';
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    for (const [index, part] of parts.entries()) {
      if (part === '..') {
        if (at === '') return undefined;
        at = posix.dirname(at) === '.' ? '' : posix.dirname(at);
        continue;
      }
      const next = at === '' ? part : `${at}/${part}`;
      const node = nodes.get(next);
      if (!node) return undefined;
      if (node.kind !== 'link') at = next;
      else {
        const target = (await blobs.read(node.oid)).toString('utf8');
        if (links >= MOST_LINKS || target.startsWith('/')) return undefined;
        return await follow([at, target, ...parts.slice(index + 1)].join('/'), links + 1);
      }
    }
    return at;
  };
  const locate = async (path: string): Promise<{ path: string; node: Node } | undefined> => {
    const start = options.inTree(path);
    const target = start === undefined ? undefined : await follow(start);
    const node = target === undefined ? undefined : nodes.get(target);
    return node && { path: target!, node };
  };
  const missing = (path: string): ProblemError =>
    new ProblemError({
      code: 'NotFound',
      message: `no such file or directory at revision ${options.revision}`,
      file: path,
    });

  return {
    name: `revision ${options.revision}`,
    async list(path) {
      const found = await locate(path);
      if (!found) throw missing(path);
      return children.get(found.path) ?? [];
    },
    async real(path): Promise<RealEntry | undefined> {
      const found = await locate(path);
      return (
        found && { path: `${options.gitDir}:/${found.path}`, kind: found.node.kind, size: found.node.size }
      );
    },
    async read(path, maxBytes) {
      const found = await locate(path);
      if (!found) throw missing(path);
      // The caller only wants to see that it is too large.
      if (found.node.size > maxBytes) return Buffer.alloc(maxBytes + 1);
      return await blobs.read(found.node.oid);
    },
    async checkOut(path, use) {
      const start = options.inTree(path);
      if (start === undefined || nodes.get(start)?.kind !== 'directory') throw missing(path);
      // In the repository's own directory these bytes lie already; a shared temporary one must not get them.
      const directory = await mkdtemp(join(options.gitDir, 'gitlab-agent-'));
      try {
        await chmod(directory, 0o700);
        await writeAll(directory, nodes, blobs, follow, options.signal);
        return await use(join(directory, start));
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
    close: async () => blobs.close(),
  };
}

// `<mode> <type> <oid> <size>\t<path>`, ended by NUL; the size of what is no blob is `-`.
function readListing(listing: string): Map<string, Node> {
  const nodes = new Map<string, Node>([['', { kind: 'directory', executable: false, oid: '', size: 0 }]]);
  for (const record of listing.split('\0')) {
    const match = /^(\d+) \w+ ([0-9a-f]+) +(\d+|-)\t(.+)$/s.exec(record);
    if (!match) continue;
    const [, mode, oid, size, path] = match as unknown as [string, string, string, string, string];
    nodes.set(path, {
      kind: kindOf(mode),
      executable: mode === '100755',
      oid,
      size: size === '-' ? 0 : Number(size),
    });
  }
  return nodes;
}

function kindOf(mode: string): EntryKind {
  if (mode.startsWith('100')) return 'file';
  if (mode === '040000') return 'directory';
  return mode === '120000' ? 'link' : 'other';
}

/**
 * Writes all files of the tree. No filters, hooks or submodules: `git checkout` would run what the repository's
 * configuration names. Links come last, so that nothing is ever written through one, and only those that stay in
 * the tree once all links on their way are followed.
 */
async function writeAll(
  directory: string,
  nodes: Map<string, Node>,
  blobs: BlobReader,
  follow: (path: string) => Promise<string | undefined>,
  signal: AbortSignal,
): Promise<void> {
  for (const [path, { kind, oid, executable }] of nodes) {
    if (!isSafe(path)) continue;
    signal.throwIfAborted();
    const target = join(directory, path);
    if (kind === 'directory') await mkdir(target, { recursive: true });
    else if (kind === 'file')
      await writeFile(target, await blobs.read(oid), { mode: executable ? 0o700 : 0o600, flag: 'wx' });
  }
  for (const [path, { kind }] of nodes) {
    if (kind !== 'link' || !isSafe(path)) continue;
    const real = await follow(path);
    if (real === undefined || !isSafe(real)) continue;
    const link = posix.relative(posix.dirname(path), real) || '.';
    await symlink(link, join(directory, path)).catch(() => undefined);
  }
}

/** A tree may hold any name: what would leave the directory is not written. */
function isSafe(path: string): boolean {
  return path.split('/').every((part) => part !== '..' && part.toLowerCase() !== '.git');
}
