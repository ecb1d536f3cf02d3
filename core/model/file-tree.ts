/** What a path is, links not followed. `other`: pipes, devices, submodules. */
export type EntryKind = 'file' | 'directory' | 'link' | 'other';

export interface Entry {
  name: string;
  kind: EntryKind;
}

/** Where a path leads once links are followed. `path` is only for comparing: it is the same for the same file. */
export interface RealEntry {
  path: string;
  kind: EntryKind;
  /** In bytes; 0 where it is not known before reading. */
  size: number;
}

/**
 * Files to read manifests from: the work tree, or a Git revision. Paths are as a user gives them, relative to the
 * directory where the command runs, `/` between parts. All calls reject with a ProblemError where reading fails.
 */
export interface FileTree {
  /** Said where something is not there: `revision main`; absent for the work tree. */
  name?: string;
  /** Entries of a directory, sorted by name. */
  list(path: string): Promise<Entry[]>;
  /** Undefined where there is nothing, where a link leads nowhere, in a circle or out of what the tree holds. */
  real(path: string): Promise<RealEntry | undefined>;
  /** A file's bytes; at most `maxBytes` and one more, so that the caller sees that there are more. */
  read(path: string, maxBytes: number): Promise<Buffer>;
}

/** The files of a Git revision. */
export interface RevisionTree extends FileTree {
  /** Runs `use` on a directory that holds all files of the revision, `path` as there, and removes it afterwards. */
  checkOut<T>(path: string, use: (directory: string) => Promise<T>): Promise<T>;
  /** Ends what was started for reading. */
  close(): Promise<void>;
}

/** Opens the repository around `path` at a revision; rejects with a ProblemError for unknown ones. */
export type OpenRevision = (path: string, revision: string) => Promise<RevisionTree>;
