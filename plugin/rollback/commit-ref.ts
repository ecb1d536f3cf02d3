import type { Changed } from '../../core/gitlab/commit-changes.ts';
import type { GitLabOptions } from '../../core/gitlab/connection.ts';
import { editFile } from '../../core/gitlab/edit-file.ts';
import { openProjects } from '../../core/gitlab/projects.ts';
import type { GitLabFailure } from '../../core/model/gitlab.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { Made, Pointing } from './pointing.ts';

/** How long races and outages are tried again, in ms. */
const PATIENCE = 30_000;

/**
 * Commits the other ref through GitLab's API; nobody's change of the file is lost. `gitSaid` is why git could not.
 * Throws ProblemError where the API may not either, with what is missing and what to do by hand.
 */
export async function commitRef(
  access: GitLabOptions,
  { project, file, message, edit, byHand }: Pointing,
  gitSaid: string,
): Promise<Made> {
  const gitlab = openProjects(access);
  const details = await gitlab.details(project);
  if (!details.ok) throw neither(gitSaid, details.failure, rightFor(details.failure), byHand);
  const { defaultBranch: branch } = details.value;
  if (branch === undefined)
    throw new ProblemError({ code: 'NoBranch', message: `${project} has no default branch`, hint: byHand });
  const ends = Date.now() + PATIENCE;
  const changed = await editFile({
    gitlab,
    project,
    branch,
    path: file,
    message,
    edit,
    missing: {
      code: 'NoConfiguration',
      message: `branch ${branch} of ${project} has no ${file}`,
      hint: byHand,
    },
    hasTime: () => Date.now() < ends,
    now: () => Date.now(),
    sleep: access.sleep,
    random: access.random,
  });
  return made(changed, { branch, gitSaid, byHand });
}

function made(
  changed: Changed,
  { branch, gitSaid, byHand }: { branch: string; gitSaid: string; byHand: string },
): Made {
  switch (changed.state) {
    case 'committed':
      return { branch, commit: changed.commit.id };
    case 'already':
      return { branch };
    case 'problems':
      throw new ProblemError(...changed.problems);
    case 'protected': {
      const right = `whoever does it must be allowed to push to the protected branch ${branch} (often Maintainer)`;
      throw neither(gitSaid, changed.failure, right, `${byHand}, in a merge request`);
    }
    case 'failed':
      throw neither(gitSaid, changed.failure, rightFor(changed.failure), byHand);
  }
}

/** Both ways were tried, and nothing was changed by either. */
function neither(
  gitSaid: string,
  { message }: GitLabFailure,
  right: string | undefined,
  byHand: string,
): ProblemError {
  return new ProblemError({
    code: 'GitLab',
    message: `nothing was changed: ${gitSaid}; and by the API ${message}`,
    hint: right === undefined ? byHand : `${right}; ${byHand}`,
  });
}

function rightFor({ code, message }: GitLabFailure): string | undefined {
  if (code === 'unauthorized') return 'your GitLab token is wrong, expired or revoked';
  if (code === 'forbidden' && /scope|privileges/i.test(message))
    return 'your GitLab token needs the scope api';
  if (code === 'forbidden' || code === 'notFound')
    return 'your GitLab token must be of a member of the project: role Developer, and whoever may push where the branch is protected';
  return undefined;
}
