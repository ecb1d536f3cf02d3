import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Entry, RealEntry, RevisionTree } from '../model/file-tree.ts';
import { ProblemError } from '../model/problem.ts';
import { BlobReader } from './blob-reader.ts';
import { type ListedEntry, listCommit } from './listing.ts';
import type { GitOptions } from './run-git.ts';

export interface RevisionOptions extends GitOptions {
  /** The repository's own directory, for a check-out that must not leave it. */
  gitDir: string;
  /** A full commit id. */
  commit: string;
  /** As the user named it. */
  revision: string;
  /** Turns a path as the user gives it into one from the root of the tree; undefined where it leads out. */
  inTree: (path: string) => string | undefined;
  /** Without them, what git itself bears. */
  limits?: TreeLimits;
}

export interface TreeLimits {
  /** Files and directories of the commit. */
  files: number;
  /** Larger files are left out of the repository on purpose. */
  fileBytes: number;
  /** Bytes of all files of a check-out. */
  checkOutBytes: number;
  /** Told of a file that is not there when it is read. */
  onLeftOut: (oid: string) => void;
}

const MOST_LINKS = 40;
const MOST_LINK_BYTES = 4096;
const MOST_FILES = 5_000_000;

/** Reads the list of a commit's files once, and their contents as they are asked for. */
export async function openRevisionTree(options: RevisionOptions): Promise<RevisionTree> {
  const { limits } = options;
  const nodes = await listCommit(options.commit, limits?.files ?? MOST_FILES, options);
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
    const parts = partsOf(path);
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
        // No path is that long; what was left out or is huge leads nowhere.
        if (!(node.size !== undefined && node.size <= MOST_LINK_BYTES)) return undefined;
        const target = (await blobs.read(node.oid)).toString('utf8');
        if (links >= MOST_LINKS || target.startsWith('/')) return undefined;
        return await follow([at, target, ...parts.slice(index + 1)].join('/'), links + 1);
      }
    }
    return at;
  };
  const locate = async (path: string): Promise<{ path: string; node: ListedEntry } | undefined> => {
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
      if (!found) return undefined;
      const { kind, size = 0 } = found.node;
      return { path: `${options.gitDir}:/${found.path}`, kind, size };
    },
    async read(path, maxBytes) {
      const found = await locate(path);
      if (!found) throw missing(path);
      const { size } = found.node;
      if (size === undefined && limits) {
        limits.onLeftOut(found.node.oid);
        throw leftOut(path, limits.fileBytes);
      }
      // The caller only wants to see that it is too large.
      if (size !== undefined && size > maxBytes) return Buffer.alloc(maxBytes + 1);
      return await blobs.read(found.node.oid);
    },
    async checkOut(path, use) {
      const inTree = options.inTree(path);
      // As the tree names it: `./a/` is `a`, and `.` the root.
      const start = inTree === undefined ? undefined : partsOf(inTree).join('/');
      if (start === undefined || nodes.get(start)?.kind !== 'directory') throw missing(path);
      if (limits) checkSize(nodes, limits.checkOutBytes);
      // In the repository's own directory these bytes lie already; a shared temporary one must not get them.
      const directory = await mkdtemp(join(options.gitDir, 'gitlab-agent-'));
      try {
        await chmod(directory, 0o700);
        await writeAll(directory, nodes, blobs, follow, options);
        return await use(join(directory, start));
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
    close: async () => blobs.close(),
  };
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function leftOut(path: string, bytes: number): ProblemError {
  const size = `${Math.round(bytes / 2 ** 20)} MiB`;
  return new ProblemError({
    code: 'TooLarge',
    message: `the file was not fetched, because it has more than ${size}`,
    file: path,
  });
}

function checkSize(nodes: Map<string, ListedEntry>, most: number): void {
  const bytes = nodes.values().reduce((sum, { size = 0 }) => sum + size, 0);
  if (bytes <= most) return;
  const message = `the commit's files together have more than ${Math.round(most / 2 ** 20)} MiB`;
  throw new ProblemError({ code: 'TooLarge', message, hint: 'a kustomization needs them all' });
}

/**
 * Writes all files of the tree. No filters, hooks or submodules: `git checkout` would run what the repository's
 * configuration names. Links come last, so that nothing is ever written through one, and only those that stay in
 * the tree once all links on their way are followed.
 */
async function writeAll(
  directory: string,
  nodes: Map<string, ListedEntry>,
  blobs: BlobReader,
  follow: (path: string) => Promise<string | undefined>,
  { signal, limits }: Pick<RevisionOptions, 'signal' | 'limits'>,
): Promise<void> {
  const limited = limits !== undefined;
  for (const [path, { kind, oid, executable, size }] of nodes) {
    if (!isSafe(path)) continue;
    signal.throwIfAborted();
    const target = join(directory, path);
    if (kind === 'directory') await mkdir(target, { recursive: true });
    // What was left out for its size is no manifest; whoever needs it says that it is not there.
    else if (kind === 'file' && (size !== undefined || !limited))
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
