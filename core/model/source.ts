import type { RevisionTree } from './file-tree.ts';
import type { Problem } from './problem.ts';

/** What a repository is read with. A deploy token has a user name of its own; access tokens take any. */
export interface Credential {
  username: string;
  token: string;
}

/** Reads the credential again at every call, so that a renewed one counts at once; undefined: none is needed. */
export type CredentialReader = () => Promise<Credential | undefined>;

/**
 * Why a repository could not be read.
 *
 * `Unauthorized` `Forbidden` `NotFound` `Moved` `RefMissing` `CommitMissing` `UrlInvalid` `NotGit` `TooLarge` `Refused`
 * (by an agent server, which says why): somebody has to act. `RateLimited` `Unavailable` `Unreachable` `Untrusted`
 * `Timeout` `Damaged` `DiskFull` `GitFailed`: it may pass.
 */
export type SourceFailureCode =
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'Moved'
  | 'RefMissing'
  | 'CommitMissing'
  | 'UrlInvalid'
  | 'NotGit'
  | 'TooLarge'
  | 'Refused'
  | 'RateLimited'
  | 'Unavailable'
  | 'Unreachable'
  | 'Untrusted'
  | 'Timeout'
  | 'Damaged'
  | 'DiskFull'
  | 'GitFailed';

/** A problem with a code that programs can act on. Holds no credential. */
export interface SourceFailure extends Problem {
  code: SourceFailureCode;
  /** In milliseconds, where the server said how long to wait. */
  retryAfter?: number;
}

export type Attempt<T> = ({ ok: true } & T) | { ok: false; failure: SourceFailure };

/** What a repository's name points at. `oid` is absent for a HEAD whose branch has no commit yet. */
export interface RemoteRef {
  oid?: string;
  /** The commit that an annotated tag is of. */
  peeled?: string;
  /** For HEAD: the branch that it means, such as `refs/heads/main`. */
  target?: string;
}

export interface RemoteRefs {
  /** Only those that were asked for and exist, and HEAD. */
  refs: ReadonlyMap<string, RemoteRef>;
  /** The URL that the server redirected to, on the same host: the project was renamed. */
  movedTo?: string;
}

export interface Fetched {
  /** Bytes that were stored for it; 0 where the commit was there already. */
  bytes: number;
}

/**
 * The commits of one repository. Failures are values; what rejects is an abort, with the signal's reason, and the calls
 * of a `RevisionTree`, with a ProblemError.
 */
export interface RevisionReader {
  /** Makes the files of a commit readable here. */
  fetch(commit: string, signal: AbortSignal): Promise<Attempt<Fetched>>;
  /** The files of a commit that was fetched; paths count from the root of the tree. */
  open(commit: string, signal: AbortSignal): Promise<Attempt<{ tree: RevisionTree }>>;
}

/** One repository that is asked where its names point. */
export interface RevisionSource extends RevisionReader {
  /** What the full names (`refs/heads/main`) and HEAD point at now. Costs one small request. */
  refs(names: readonly string[], signal: AbortSignal): Promise<Attempt<RemoteRefs>>;
}
