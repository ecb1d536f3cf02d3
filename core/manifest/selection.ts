import type { Entry, FileTree, RealEntry } from '../model/file-tree.ts';
import { compileGlob, hasWildcard, splitGlob } from '../model/glob.ts';
import { type Problem, ProblemError } from '../model/problem.ts';

const EXTENSIONS = /\.(json|yaml|yml)$/;
const KUSTOMIZATION = /^(kustomization\.ya?ml|Kustomization)$/;

/** `explicit`: the user named this very file, so it has to hold objects. */
export interface SelectedFile {
  file: string;
  /** The same for the same file, whatever way leads to it. */
  real: string;
  explicit: boolean;
}

export interface Selection {
  files: SelectedFile[];
  problems: Problem[];
  /** Paths that are not there. */
  absent: string[];
}

export interface SelectOptions {
  recursive: boolean;
  /** How many files may be selected in all. */
  maxFiles: number;
  /** Leaves paths that are not there without a problem, in `absent`. */
  allowAbsent: boolean;
  signal: AbortSignal;
}

/**
 * The manifest files that a `-f` argument means, in the order of their names: a file, a directory (its .json, .yaml
 * and .yml files; with `recursive` those below it too) or a glob. In directories and under wildcards, names that
 * begin with a dot are skipped; links count where they lead to a file below the same directory.
 */
export async function selectFiles(
  tree: FileTree,
  filename: string,
  options: SelectOptions,
): Promise<Selection> {
  const selector = new Selector(tree, options);
  await selector.addArgument(filename);
  return selector.selection;
}

class Selector {
  readonly selection: Selection = { files: [], problems: [], absent: [] };
  private readonly tree: FileTree;
  private readonly options: SelectOptions;

  constructor(tree: FileTree, options: SelectOptions) {
    this.tree = tree;
    this.options = options;
  }

  async addArgument(filename: string): Promise<void> {
    if (/^https?:\/\//i.test(filename)) {
      const message = 'manifests are not read from URLs';
      const hint = `fetch it yourself and see what it is: curl -fsSL ${filename} | kubectl gitlab-agent … -f -`;
      this.report({ code: 'UrlRefused', message, file: filename, hint });
      return;
    }
    const real = await this.tree.real(filename);
    if (real?.kind === 'directory') await this.addDirectory(filename, { path: filename, real: real.path });
    else if (real) this.addFile(filename, real.path, true);
    else if (hasWildcard(filename)) await this.addGlob(filename);
    else this.reportAbsent(filename);
  }

  private async addDirectory(directory: string, root: Root): Promise<void> {
    const before = this.selection.files.length + this.selection.problems.length;
    await this.walk(directory, root, {
      depth: this.options.recursive ? Number.POSITIVE_INFINITY : 1,
      wanted: (_, entry) => EXTENSIONS.test(entry.name),
    });
    if (directory !== root.path || this.selection.files.length + this.selection.problems.length > before)
      return;
    const hint = this.options.recursive
      ? 'manifests are .yaml, .yml and .json files'
      : 'manifests are .yaml, .yml and .json files; -R looks into directories below too';
    this.report({ code: 'NothingFound', message: 'the directory holds no manifests', file: directory, hint });
  }

  private async addGlob(glob: string): Promise<void> {
    const { base, pattern } = splitGlob(glob);
    const directory = base === '' ? '.' : base;
    const real = await this.tree.real(directory);
    if (real?.kind !== 'directory') {
      this.reportAbsent(directory);
      return;
    }
    const before = this.selection.files.length + this.selection.problems.length;
    try {
      await this.walk(directory, { path: directory, real: real.path }, globWalk(pattern));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.report({ code: 'BadGlob', message: error.message, file: glob });
      return;
    }
    if (this.selection.files.length + this.selection.problems.length > before) return;
    if (this.options.allowAbsent) this.selection.absent.push(glob);
    else {
      const hint =
        '"**" stands for directories, "*" for a part of one name; names that begin with a dot are skipped';
      this.report({ code: 'NothingFound', message: 'the glob matches no manifests', file: glob, hint });
    }
  }

  private async walk(directory: string, root: Root, walk: Walk, depth = 1, relative = ''): Promise<void> {
    this.options.signal.throwIfAborted();
    const entries = await this.tree.list(directory);
    if (!walk.glob && entries.some((entry) => KUSTOMIZATION.test(entry.name))) {
      this.reportKustomization(directory);
      return;
    }
    for (const entry of entries) {
      const below = relative === '' ? entry.name : `${relative}/${entry.name}`;
      const path = join(directory, entry.name);
      if (entry.name.startsWith('.') && !walk.glob?.dots) continue;
      if (entry.name === '.git') continue;
      const wanted = walk.wanted(below, entry);
      const matters = wanted || walk.depth > depth;
      const link = entry.kind === 'link' ? await this.followLink(path, root, matters) : undefined;
      const kind = entry.kind === 'link' ? link?.kind : entry.kind;
      if (kind === 'file' && wanted) {
        if (KUSTOMIZATION.test(entry.name)) this.reportKustomization(directory);
        else this.addFile(path, link?.path ?? realPathOf(path, root), false);
      } else if (kind === 'directory' && entry.kind === 'directory') {
        if (wanted && walk.glob) await this.addDirectory(path, root);
        else if (depth < walk.depth) await this.walk(path, root, walk, depth + 1, below);
      }
    }
  }

  /** A link counts as the file it leads to. Links to directories are not entered: what is below the root is read anyway. */
  private async followLink(path: string, root: Root, matters: boolean): Promise<RealEntry | undefined> {
    if (!matters) return undefined;
    const real = await this.tree.real(path);
    if (real && isBelow(real.path, root.real)) return real;
    const message = real ? `the symbolic link leads out of ${root.path}` : 'the symbolic link leads nowhere';
    const hint = real ? 'name what it leads to with a -f of its own, if it is meant' : undefined;
    this.report({ code: 'BadLink', message, file: path, ...(hint ? { hint } : {}) });
    return undefined;
  }

  private addFile(file: string, real: string, explicit: boolean): void {
    if (this.selection.files.length >= this.options.maxFiles) {
      throw new ProblemError({
        code: 'TooManyFiles',
        message: `more than ${this.options.maxFiles} files are selected`,
        file,
        hint: 'name fewer directories',
      });
    }
    this.selection.files.push({ file, real, explicit });
  }

  private reportKustomization(directory: string): void {
    const message = 'the directory is a kustomization: its files are not objects as they stand';
    this.report({ code: 'Kustomization', message, file: directory, hint: `read it with -k ${directory}` });
  }

  private reportAbsent(path: string): void {
    this.selection.absent.push(path);
    if (this.options.allowAbsent) return;
    const where = this.tree.name ? ` at ${this.tree.name}` : '';
    this.report({ code: 'NotFound', message: `no such file or directory${where}`, file: path });
  }

  private report(problem: Problem): void {
    this.selection.problems.push(problem);
  }
}

interface Root {
  path: string;
  real: string;
}

interface Walk {
  /** How many levels to look at. */
  depth: number;
  /** Whether a path, relative to where the walk began, is asked for. */
  wanted: (relative: string, entry: Entry) => boolean;
  /** `dots`: the glob itself names parts that begin with a dot. */
  glob?: { dots: boolean };
}

function globWalk(pattern: string): Walk {
  const matches = compileGlob(pattern);
  const anyDepth = pattern.includes('**');
  // Under `dir/*` a README is no manifest; under `dir/*.txt` it is what was asked for.
  const anyName = !(pattern.split('/').at(-1) ?? '').includes('.');
  return {
    depth: anyDepth ? Number.POSITIVE_INFINITY : pattern.split('/').length,
    glob: { dots: /(^|[/{,])\\?\./.test(pattern) },
    wanted: (relative, entry) => {
      if (!matches(relative)) return false;
      return entry.kind === 'directory' ? !anyDepth : !anyName || EXTENSIONS.test(entry.name);
    },
  };
}

function isBelow(path: string, root: string): boolean {
  return path === root || root === '' || path.startsWith(root.endsWith('/') ? root : `${root}/`);
}

/** The real path of what was reached from `root` without following a link. */
function realPathOf(path: string, root: Root): string {
  const below = root.path === '.' ? path : path.slice(root.path.length).replace(/^\/+/, '');
  return join(root.real, below);
}

/** `dir/name`; `.` leaves no trace. */
export function join(directory: string, name: string): string {
  if (directory === '.' || directory === '') return name;
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}
