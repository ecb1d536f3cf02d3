import type { EntryKind, RevisionTree } from '../../core/model/file-tree.ts';

const KUSTOMIZATION = /^(kustomization\.ya?ml|Kustomization)$/;

/** What a batch asks of a revision, with paths from its root as they are in Git: no `.`, no `..`. */
export class Tree {
  readonly revision: RevisionTree;
  /** What the real paths of this tree begin with. */
  #root: string | undefined;
  /** The names of links, by directory. */
  readonly #links = new Map<string, ReadonlySet<string>>();

  constructor(revision: RevisionTree) {
    this.revision = revision;
  }

  /** What a path leads to; undefined where there is nothing. */
  async kind(path: string): Promise<EntryKind | undefined> {
    return (await this.revision.real(path === '' ? '.' : path))?.kind;
  }

  /** Where a path leads once links are followed; undefined where that is nowhere in the tree. */
  async target(path: string): Promise<string | undefined> {
    this.#root ??= (await this.revision.real('.'))?.path;
    const real = await this.revision.real(path);
    if (!real || this.#root === undefined || !real.path.startsWith(this.#root)) return undefined;
    return real.path.slice(this.#root.length);
  }

  async isLink(path: string): Promise<boolean> {
    const { directory, name } = split(path);
    let names = this.#links.get(directory);
    if (!names) {
      const entries = await this.revision.list(directory === '' ? '.' : directory);
      names = new Set(entries.filter(({ kind }) => kind === 'link').map((entry) => entry.name));
      this.#links.set(directory, names);
    }
    return names.has(name);
  }

  /** The files that make a directory a kustomization. */
  async kustomizations(directory: string): Promise<string[]> {
    const entries = await this.revision.list(directory === '' ? '.' : directory);
    const prefix = directory === '' ? '' : `${directory}/`;
    return entries
      .filter(({ name, kind }) => kind === 'file' && KUSTOMIZATION.test(name))
      .map(({ name }) => prefix + name);
  }

  /** Everything below a directory whose directories `enters` takes, by their names. Links are not followed. */
  async *walk(
    directory: string,
    enters: (name: string) => boolean,
  ): AsyncGenerator<{ path: string; kind: EntryKind }> {
    for (const { name, kind } of await this.revision.list(directory === '' ? '.' : directory)) {
      const path = directory === '' ? name : `${directory}/${name}`;
      yield { path, kind };
      if (kind === 'directory' && enters(name)) yield* this.walk(path, enters);
    }
  }
}

function split(path: string): { directory: string; name: string } {
  const at = path.lastIndexOf('/');
  return { directory: path.slice(0, Math.max(at, 0)), name: path.slice(at + 1) };
}
