import type { GitLabAnswer, GitLabFailure } from '../model/gitlab.ts';
import type { CommitInfo, FileUpdate, GitLabProjects } from '../model/gitlab-projects.ts';
import type { Problem } from '../model/problem.ts';

/** What a commit is to change, worked out anew for each attempt; nothing where all is as wished. */
export type Proposal = GitLabAnswer<{ updates: readonly FileUpdate[] } | { problems: readonly Problem[] }>;

export interface ChangeOptions {
  gitlab: Pick<GitLabProjects, 'createCommit'>;
  project: string;
  branch: string;
  message: string;
  propose: () => Promise<Proposal>;
  /** Whether there is still time for another attempt. */
  hasTime: () => boolean;
  /** In ms since 1970. */
  now: () => number;
  sleep: (ms: number) => Promise<void>;
  random: () => number;
}

/** How it ended: with a commit, with nothing to do, refused by the branch's protection, or otherwise not. */
export type Changed =
  | { state: 'committed'; commit: CommitInfo }
  | { state: 'already' }
  | { state: 'protected'; failure: GitLabFailure; updates: readonly FileUpdate[] }
  | { state: 'problems'; problems: readonly Problem[] }
  | { state: 'failed'; failure: GitLabFailure };

const LONGEST_PAUSE = 30_000;
const MOST_DOUBLINGS = 6;
/** What is away for a moment is not there at once, in ms. */
const OUTAGE = 500;
/** What is no race but an outage is given up after so many attempts in a row. */
const OUTAGES = 6;

/**
 * Commits changes of files so that nobody's change is lost: each file is changed only as it was read. Who loses a race,
 * or never learns what came of a commit, looks again at what is there now and goes on from that.
 */
export async function commitChanges(options: ChangeOptions): Promise<Changed> {
  const { gitlab, project, branch, message, propose, hasTime, now, sleep, random } = options;
  let outages = 0;
  for (let attempt = 1; ; attempt += 1) {
    const begun = now();
    const proposal = await propose();
    let failure: GitLabFailure;
    if (proposal.ok) {
      if ('problems' in proposal.value) return { state: 'problems', problems: proposal.value.problems };
      const { updates } = proposal.value;
      if (updates.length === 0) return { state: 'already' };
      const made = await gitlab.createCommit(project, { branch, message, updates });
      if (made.ok) return { state: 'committed', commit: made.value };
      failure = made.failure;
      if (isProtected(failure)) return { state: 'protected', failure, updates };
    } else failure = proposal.failure;
    const raced = isRace(failure);
    outages = raced ? 0 : outages + 1;
    if (!raced && !mayPass(failure)) return { state: 'failed', failure };
    if (outages === OUTAGES || !hasTime()) return { state: 'failed', failure };
    // As on an Ethernet: the more often it was lost, the wider they spread, by the time that one attempt takes.
    const slot = Math.max(now() - begun, raced ? 0 : OUTAGE);
    const most = slot * 2 ** Math.min(attempt, MOST_DOUBLINGS);
    await sleep(Math.max(failure.retryAfter ?? 0, Math.min(LONGEST_PAUSE, most) * random()));
  }
}

/** Somebody else changed the file or moved the branch meanwhile ("Commits API"; the words of Gitaly's errors). */
function isRace({ status, code, message }: GitLabFailure): boolean {
  if (code === 'conflict') return true;
  return (
    status === 400 &&
    /has changed since you started|Could not update refs|Please refresh and try again|reference (update|does not point)|cannot lock ref/i.test(
      message,
    )
  );
}

/** The branch takes no pushes of this user. */
function isProtected({ status, message }: GitLabFailure): boolean {
  return (status === 403 || status === 400) && /not allowed to push/i.test(message);
}

export function mayPass({ code }: GitLabFailure): boolean {
  return code === 'throttled' || code === 'unavailable' || code === 'conflict';
}
