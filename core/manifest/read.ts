import type { FileTree, OpenRevision, RevisionTree } from '../model/file-tree.ts';
import type { Manifest, Source } from '../model/manifest.ts';
import type { Path } from '../model/path.ts';
import { type Problem, ProblemError } from '../model/problem.ts';
import { findDuplicates } from './duplicates.ts';
import { Collector, type Limits, readSelected } from './load.ts';
import { DocumentPlaces } from './locate.ts';
import type { Origin } from './normalize.ts';
import { selectFiles } from './selection.ts';
import type { SourceText } from './source-text.ts';
import { workTree } from './work-tree.ts';

export interface ReadInputs {
  /** Files, directories, globs; `-` is standard input. */
  filenames: readonly string[];
  /** Directories of kustomizations. */
  kustomizations?: readonly string[];
  /** Look into directories below those that are named. */
  recursive: boolean;
  /** Read files and kustomization as they are at this Git revision. */
  revision?: string;
}

export interface ReadOptions {
  /** Where relative paths count from. */
  cwd: string;
  stdin: () => Promise<Buffer>;
  /** For kustomize: PATH and what it reads itself. */
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Needed for `revision`: `core/git` has one. */
  openRevision?: OpenRevision;
  limits?: Partial<Limits>;
  /** Called with each manifest as it is read, before the problems of the rest are known. */
  onManifest?: (manifest: Manifest) => void;
  /** Stands in for a missing namespace where the same object is given twice. */
  defaultNamespace?: string;
  /** Paths that are not there are no problem: in a comparison of two revisions that side is empty. */
  allowAbsent?: boolean;
}

export interface ReadResult {
  manifests: Manifest[];
  problems: Problem[];
  notices: string[];
  /** With `allowAbsent`: the paths that are not there. */
  absent: string[];
  /**
   * Where a field of a manifest stands in its file; where only a part of the path is there (`exact: false`), that
   * part's place. Reads the document again: for the few that are asked for.
   */
  locate: (manifest: Manifest, path: Path) => { line: number; column: number; exact: boolean } | undefined;
}

/** A file may have 50 MiB, all together 512 MiB: beyond what is written by hand, and what one process can hold. */
export const DEFAULT_LIMITS: Limits = {
  files: 10_000,
  fileBytes: 50 * 1024 * 1024,
  totalBytes: 512 * 1024 * 1024,
};

/**
 * Reads everything that `inputs` name: manifests in the order of the inputs, files in the order of their names, and
 * every problem of every file. Rejects only when `signal` aborts (or for a mistake of ours).
 */
export async function readManifests(inputs: ReadInputs, options: ReadOptions): Promise<ReadResult> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const collector = new Collector(limits, options.onManifest);
  const trees = new Trees(inputs.revision, options);
  const absent: string[] = [];
  try {
    for (const filename of inputs.filenames) {
      options.signal.throwIfAborted();
      await collector.guard(async () => {
        if (filename === '-') {
          collector.addBytes('-', await options.stdin(), true);
          return;
        }
        const tree = await trees.open(filename);
        const selection = await selectFiles(tree, filename, {
          recursive: inputs.recursive,
          maxFiles: limits.files,
          allowAbsent: options.allowAbsent ?? false,
          signal: options.signal,
        });
        collector.problems.push(...selection.problems);
        absent.push(...selection.absent);
        await readSelected(tree, selection.files, collector, options.signal);
      });
    }
    for (const kustomize of inputs.kustomizations ?? []) {
      const { buildKustomization, hasKustomization } = await import('./kustomize.ts');
      await collector.guard(async () => {
        const revisionTree = inputs.revision === undefined ? undefined : await trees.revision(kustomize);
        if (
          options.allowAbsent &&
          !(await hasKustomization(revisionTree ?? workTree(options.cwd), kustomize))
        )
          absent.push(kustomize);
        else
          collector.addKustomization(
            kustomize,
            await buildKustomization(kustomize, { ...options, maxBytes: limits.fileBytes }, revisionTree),
          );
      });
    }
  } finally {
    await trees.close();
  }
  collector.problems.push(...findDuplicates(collector.manifests, options.defaultNamespace));
  const { manifests, problems, origins } = collector;
  return { manifests, problems, notices: collector.notices(), absent, locate: locator(origins) };
}

/** Keeps the last document's places: questions come document by document. */
function locator(origins: Map<Source, Origin>): ReadResult['locate'] {
  let last: { text: SourceText; start: number; places: DocumentPlaces } | undefined;
  return ({ source }, path) => {
    const origin = origins.get(source);
    if (!origin) return undefined;
    const { text, start, end } = origin;
    if (last?.text !== text || last.start !== start)
      last = { text, start, places: new DocumentPlaces(text.text.slice(start, end)) };
    let place = last.places.find([...origin.path, ...path]);
    // A Secret's data may have been written as stringData.
    if (!place?.exact && path[0] === 'data')
      place = last.places.find([...origin.path, 'stringData', ...path.slice(1)]) ?? place;
    return place && { ...text.place(start + place.offset), exact: place.exact };
  };
}

/** The work tree, or one tree for each repository that the inputs lie in. */
class Trees {
  private readonly revisionName: string | undefined;
  private readonly options: ReadOptions;
  private readonly opened: RevisionTree[] = [];

  constructor(revision: string | undefined, options: ReadOptions) {
    this.revisionName = revision;
    this.options = options;
  }

  async open(path: string): Promise<FileTree> {
    return this.revisionName === undefined ? workTree(this.options.cwd) : await this.revision(path);
  }

  async revision(path: string): Promise<RevisionTree> {
    const { openRevision } = this.options;
    if (!openRevision || this.revisionName === undefined) {
      throw new ProblemError({ code: 'NoRevisions', message: 'Git revisions cannot be read here' });
    }
    const tree = await openRevision(path, this.revisionName);
    this.opened.push(tree);
    return tree;
  }

  async close(): Promise<void> {
    await Promise.all(this.opened.map((tree) => tree.close()));
  }
}
