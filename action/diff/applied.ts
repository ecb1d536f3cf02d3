import { ProblemError } from '../../core/model/problem.ts';
import { type Desk, demand, manifestProject, problemOf } from '../desk.ts';
import { statusNames } from '../entry.ts';

const COMMITS_BACK = 50;

/**
 * The revision that the agent has applied: that of the newest successful deployment, else the newest commit of the
 * target branch with its success status. Throws ProblemError where there is none.
 */
export async function appliedRevision(
  desk: Desk,
  entry: { name?: string; siblings?: number },
): Promise<string> {
  const { inputs, gitlab, job } = desk;
  const { agent, environment } = inputs;
  const project = manifestProject(desk);
  if (environment !== undefined) {
    const answer = await gitlab.deployments(project, environment, { most: 20, state: 'success' });
    const newest = demand(`the deployments of ${project} can't be read`, answer).find(({ byJob }) => !byJob);
    if (newest) return newest.commit;
  }
  if (agent === undefined) throw nothing(`nothing was deployed to ${environment} yet`);
  const branch = job.mergeRequest?.targetBranch ?? inputs.branch ?? job.defaultBranch ?? 'main';
  const names = statusNames(agent, entry.name ?? inputs.entry, entry.siblings);
  const commits = await gitlab.commits(project, branch, { most: COMMITS_BACK });
  if (!commits.ok)
    throw new ProblemError(
      problemOf(
        `what ${agent} has applied can't be read`,
        commits.failure,
        desk.token?.kind === 'job'
          ? 'a job token reads deployments only: name the environment, or give an access token with read_api'
          : undefined,
      ),
    );
  for (const { id } of commits.value) {
    const found = demand(
      `what ${agent} has applied can't be read`,
      await gitlab.statuses(project, id, names),
    );
    const [newest] = [...found.values()].sort((a, b) => b.id - a.id);
    if (newest?.state === 'success') return id;
  }
  throw nothing(`${agent} has applied none of the ${COMMITS_BACK} newest commits of ${branch} in ${project}`);
}

function nothing(message: string): ProblemError {
  return new ProblemError({
    code: 'NothingApplied',
    message: `there is no applied revision to compare with: ${message}`,
    hint: 'say against: base in a merge request, or against: live',
  });
}
