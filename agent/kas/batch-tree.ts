import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import type { Entry, EntryKind, RealEntry, RevisionTree } from '../../core/model/file-tree.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { Batch, BatchNode } from './batch.ts';

const MOST_LINKS = 40;
const DIRECTORY: BatchNode = { directory: true };

/** A batch as the tree of its commit. Below `scratch` are the check-outs, which it makes and removes. */
export function batchTree({ commit, nodes: sent }: Batch, scratch: string): RevisionTree {
  const nodes = new Map<string, BatchNode>([['', DIRECTORY], ...sent]);
  const children = childrenOf(sent.keys(), nodes);
  const revision = commit.slice(0, 12);

  /** Where a path leads once links are followed; undefined for nowhere. */
  const follow = (path: string, links = 0): string | undefined => {
    let at = '';
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    for (const [index, part] of parts.entries()) {
      if (part === '..') {
        if (at === '') return undefined;
        at = at.includes('/') ? at.slice(0, at.lastIndexOf('/')) : '';
        continue;
      }
      const next = at === '' ? part : `${at}/${part}`;
      const node = nodes.get(next);
      if (!node) return undefined;
      if (!('link' in node)) at = next;
      else if (node.link === '' || links >= MOST_LINKS) return undefined;
      else return follow([node.link, ...parts.slice(index + 1)].join('/'), links + 1);
    }
    return at;
  };
  const missing = (path: string): ProblemError =>
    new ProblemError({
      code: 'NotFound',
      message: `no such file or directory at revision ${revision}`,
      file: path,
    });

  return {
    name: `revision ${revision}`,
    async list(path): Promise<Entry[]> {
      const found = follow(path);
      if (found === undefined) throw missing(path);
      return (children.get(found) ?? []).map((name) => ({
        name,
        kind: kindOf(nodes.get(found === '' ? name : `${found}/${name}`)!),
      }));
    },
    async real(path): Promise<RealEntry | undefined> {
      const found = follow(path);
      if (found === undefined) return undefined;
      const node = nodes.get(found)!;
      return { path: `${commit}:/${found}`, kind: kindOf(node), size: 'data' in node ? node.data.length : 0 };
    },
    async read(path, maxBytes) {
      const found = follow(path);
      const node = found === undefined ? undefined : nodes.get(found);
      if (!node || !('data' in node)) throw missing(path);
      return node.data.subarray(0, maxBytes + 1);
    },
    async checkOut(path, use) {
      const start = follow(path);
      if (start === undefined || kindOf(nodes.get(start)!) !== 'directory') throw missing(path);
      await mkdir(scratch, { recursive: true, mode: 0o700 });
      const directory = await mkdtemp(join(scratch, 'revision-'));
      try {
        await writeAll(directory, nodes, follow);
        return await use(join(directory, start));
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
    close: async () => {},
  };
}

/** Names in each directory, sorted; directories that only lead to something are added to the nodes. */
function childrenOf(paths: Iterable<string>, nodes: Map<string, BatchNode>): Map<string, string[]> {
  const children = new Map<string, Set<string>>();
  for (const path of paths) {
    let at = path;
    while (at !== '') {
      const cut = at.lastIndexOf('/');
      const above = at.slice(0, Math.max(cut, 0));
      const names = children.get(above) ?? new Set();
      const isKnown = names.has(at.slice(cut + 1));
      children.set(above, names.add(at.slice(cut + 1)));
      if (!nodes.has(above)) nodes.set(above, DIRECTORY);
      if (isKnown) break;
      at = above;
    }
  }
  return new Map([...children].map(([directory, names]) => [directory, [...names].sort()]));
}

function kindOf(node: BatchNode): EntryKind {
  if ('data' in node) return 'file';
  return 'link' in node ? 'link' : 'directory';
}

/** Links come last, so that nothing is written through one, and only those that lead to something in the tree. */
async function writeAll(
  directory: string,
  nodes: ReadonlyMap<string, BatchNode>,
  follow: (path: string) => string | undefined,
): Promise<void> {
  for (const [path, node] of nodes) {
    const target = join(directory, path);
    if ('directory' in node) await mkdir(target, { recursive: true, mode: 0o700 });
    if (!('data' in node)) continue;
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await writeFile(target, node.data, { mode: 0o600, flag: 'wx' });
  }
  for (const [path, node] of nodes) {
    const real = 'link' in node ? follow(path) : undefined;
    if (real === undefined) continue;
    await mkdir(dirname(join(directory, path)), { recursive: true, mode: 0o700 });
    await symlink(posix.relative(posix.dirname(path), real) || '.', join(directory, path));
  }
}
