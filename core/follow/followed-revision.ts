import type { RevisionReader, SourceFailure } from '../model/source.ts';

/** What was last seen of a revision. `ref` is the full name, `refs/heads/main`; absent for a commit by its id. */
export type Seen = { ok: true; commit: string; ref?: string } | { ok: false; failure: SourceFailure };

/** A branch, a tag, a commit or the default branch of one repository, whoever tells what it is: Git or an agent server. */
export interface FollowedRevision {
  /** Tells what the revision is, at once where it is known, and each time that this changes; returns how to stop. */
  follow(tell: (seen: Seen) => void): () => void;
  /** Asks now; resolves once everybody was told the answer, or that there was none. */
  look(): Promise<void>;
  /** Opens the commits that were told. */
  reader: RevisionReader;
}
