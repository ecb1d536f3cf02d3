import { Code, ConnectError } from '@connectrpc/connect';
import { selectFiles } from '../../core/manifest/selection.ts';
import type { RevisionTree } from '../../core/model/file-tree.ts';
import { compileGlob, hasWildcard, splitGlob } from '../../core/model/glob.ts';
import { ProblemError, placeOf } from '../../core/model/problem.ts';
import type { GitopsLimits } from '../configuration/server-config.ts';
import { Tree } from './tree.ts';

/** One thing of a commit that an agent is sent. Paths count from the root, without `..`. */
export type BatchItem =
  | { source: string; data: Buffer }
  /** A symbolic link; `''` leads nowhere in the tree. */
  | { source: string; link: string }
  | { source: string; directory: true };

/** What an agent wants of a commit. `file`: this very file; `path`: a file, a directory or a glob of either. */
export type Wanted =
  | { reading: 'globs'; paths: readonly ({ glob: string } | { file: string })[] }
  | { reading: 'paths'; paths: readonly string[] }
  | { reading: 'tree' };

/** Reads what is wanted of a commit. Rejects with ConnectError: FAILED_PRECONDITION where it is too much or broken. */
export async function readBatch(
  revision: RevisionTree,
  wanted: Wanted,
  limits: GitopsLimits,
  signal: AbortSignal,
): Promise<BatchItem[]> {
  const collector = new BatchCollector(new Tree(revision), limits, signal);
  try {
    if (wanted.reading === 'tree') await collector.addTree();
    else if (wanted.reading === 'paths') for (const path of wanted.paths) await collector.addPath(path);
    else
      for (const path of wanted.paths)
        await ('file' in path ? collector.addFile(path.file) : collector.addGlob(path.glob));
    return collector.items();
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const [problem] = error.problems;
    throw broken([placeOf(problem!), problem!.message].filter(Boolean).join(': '));
  }
}

class BatchCollector {
  readonly #tree: Tree;
  readonly #limits: GitopsLimits;
  readonly #signal: AbortSignal;
  readonly #items = new Map<string, BatchItem>();
  #files = 0;
  #bytes = 0;

  constructor(tree: Tree, limits: GitopsLimits, signal: AbortSignal) {
    this.#tree = tree;
    this.#limits = limits;
    this.#signal = signal;
  }

  /** In the order of their names, whatever order they were found in: the same commit is always the same batch. */
  items(): BatchItem[] {
    return [...this.#items.values()].sort((a, b) => (a.source < b.source ? -1 : 1));
  }

  async addTree(): Promise<void> {
    for await (const { path, kind } of this.#tree.walk('', () => true)) {
      this.#signal.throwIfAborted();
      if (kind === 'file') await this.#add(path);
      else if (kind === 'link') this.#set({ source: path, link: (await this.#tree.target(path)) ?? '' });
    }
  }

  /** As GitLab's agent took them: nothing below a directory whose name begins with a dot; links as files. */
  async addGlob(given: string): Promise<void> {
    const glob = normal(given);
    if (!hasWildcard(glob)) {
      if ((await this.#tree.kind(glob)) === 'file') await this.#add(glob);
      return;
    }
    const matches = compiled(glob);
    const base = splitGlob(glob).base;
    if ((await this.#tree.kind(base)) !== 'directory') return;
    for await (const { path, kind } of this.#tree.walk(base, (name) => !name.startsWith('.'))) {
      this.#signal.throwIfAborted();
      if (kind !== 'directory' && matches(path) && (await this.#tree.kind(path)) === 'file')
        await this.#add(path);
    }
  }

  async addFile(given: string): Promise<void> {
    const path = normal(given);
    const kind = await this.#tree.kind(path);
    if (kind !== 'file') throw broken(kind ? `${path} is no file` : `there is no file ${path}`);
    await this.#add(path);
  }

  /** What the agent needs to select the same files as from Git, and to find the same mistakes. */
  async addPath(path: string): Promise<void> {
    const { files, problems } = await selectFiles(this.#tree.revision, path, {
      recursive: true,
      maxFiles: this.#limits.files,
      allowAbsent: false,
      signal: this.#signal,
    });
    const base = normal(hasWildcard(path) ? splitGlob(path).base : path);
    // The root is always there.
    if (base !== '' && (await this.#tree.kind(base)) === 'directory') await this.#addThrough(base);
    for (const { file } of files) await this.#addThrough(normal(file));
    for (const { code, file } of problems) {
      if (code === 'BadLink') await this.#addThrough(normal(file!));
      // The directory is refused by the name of such a file.
      if (code === 'Kustomization')
        for (const name of await this.#tree.kustomizations(normal(file!))) await this.#addThrough(name);
    }
  }

  /** What a path leads to, and every link on its way. */
  async #addThrough(path: string): Promise<void> {
    const parts = path.split('/');
    for (let length = 1; length <= parts.length; length += 1) {
      const link = parts.slice(0, length).join('/');
      if (!(await this.#tree.isLink(link))) continue;
      const target = await this.#tree.target(link);
      this.#set({ source: link, link: target ?? '' });
      // The target has no links in it any more; what follows may.
      if (target) await this.#addThrough([target, ...parts.slice(length)].join('/'));
      return;
    }
    const kind = await this.#tree.kind(path);
    if (kind === 'file') await this.#add(path);
    else if (kind === 'directory') this.#set({ source: path, directory: true });
  }

  async #add(path: string): Promise<void> {
    if (this.#items.has(path)) return;
    const { fileBytes, totalBytes, files } = this.#limits;
    this.#files += 1;
    if (this.#files > files) throw broken(`there are more than ${files} files`);
    const data = await this.#tree.revision.read(path, fileBytes);
    if (data.length > fileBytes) throw broken(`${path} has more than ${fileBytes} bytes`);
    this.#bytes += data.length;
    if (this.#bytes > totalBytes) throw broken(`the files together have more than ${totalBytes} bytes`);
    this.#set({ source: path, data });
  }

  #set(item: BatchItem): void {
    this.#items.set(item.source, item);
  }
}

/** As Git has it: no `.`, and no slash at the ends. */
function normal(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

function compiled(glob: string): (path: string) => boolean {
  try {
    return compileGlob(glob);
  } catch (error) {
    throw broken(`the glob ${JSON.stringify(glob)} can't be read: ${(error as Error).message}`);
  }
}

function broken(message: string): ConnectError {
  return new ConnectError(`GitOps: ${message}`, Code.FailedPrecondition);
}
