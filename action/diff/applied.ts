import { ProblemError } from '../../core/model/problem.ts';
import { type Desk, demand, isSameProject, manifestProject, problemOf } from '../desk.ts';
import { type ConfiguredEntry, followedBranch, statusNames } from '../entry.ts';
import { statusOf } from '../wait/reports.ts';

const COMMITS_BACK = 50;

/**
 * The revision that the agent has applied: that of the newest successful deployment, else the newest commit of the
 * target branch, else of the one that it follows, with its success status. Throws ProblemError where there is none.
 */
export async function appliedRevision(desk: Desk, configured: ConfiguredEntry | undefined): Promise<string> {
  const { inputs, gitlab, job } = desk;
  const { agent, environment } = inputs;
  const project = manifestProject(desk);
  if (environment !== undefined) {
    const answer = await gitlab.deployments(project, environment, { most: 20, state: 'success' });
    const newest = demand(`the deployments of ${project} can't be read`, answer).find(({ byJob }) => !byJob);
    if (newest) return newest.commit;
  }
  if (agent === undefined) throw nothing(`nothing was deployed to ${environment} yet`);
  const target = job.mergeRequest && isSameProject(job.mergeRequest.project, project);
  const branch =
    (target && job.mergeRequest?.targetBranch) || (await followedBranch(desk, configured?.entry));
  const names = statusNames(agent, desk, configured);
  const doing = `what ${agent} has applied can't be read`;
  const commits = await gitlab.commits(project, branch, { most: COMMITS_BACK });
  if (!commits.ok) throw new ProblemError(problemOf(doing, commits.failure, hintFor(desk)));
  for (const { id } of commits.value) {
    const newest = demand(doing, await statusOf(gitlab, { project, names }, id));
    if (newest?.state === 'success') return id;
  }
  throw nothing(`${agent} has applied none of the ${COMMITS_BACK} newest commits of ${branch} in ${project}`);
}

function hintFor({ token }: Desk): string | undefined {
  if (token?.kind !== 'job') return undefined;
  return 'a job token reads deployments only: name the environment, or give an access token with read_api';
}

function nothing(message: string): ProblemError {
  return new ProblemError({
    code: 'NothingApplied',
    message: `there is no applied revision to compare with: ${message}`,
    hint: 'say against: base in a merge request, or against: live',
  });
}
