import type { FollowedRevision } from '../core/follow/followed-revision.ts';
import type { ManifestEntry } from '../core/model/agent-config.ts';

/** Where revisions come from: Git itself, or an agent server. */
export interface Sources {
  /** The default branch of the configuration project. */
  configuration: FollowedRevision;
  /** What one entry follows. Throws ProblemError for URLs that can't be read from. */
  entry(entry: ManifestEntry & { repository: { project?: string; url: string } }): FollowedRevision;
  /** Looks now: at one project, `group/project`, or at all. */
  poke(project?: string): void;
}
