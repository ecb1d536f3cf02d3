import { Commits, Deployments, Projects } from '@gitbeaker/rest';
import type {
  DeploymentState,
  GitLab,
  GitLabAnswer,
  GitLabFailure,
  GitLabProject,
  StatusUpdate,
} from '../model/gitlab.ts';
import { answer } from './answer.ts';
import { compareCommits } from './compare-commits.ts';
import { type GitLabOptions, resourceOptions } from './connection.ts';

/** GitLab's limit for descriptions and URLs of statuses. */
const LONGEST = 255;

/** Opens GitLab's REST API. No request is sent yet. */
export function openGitLab(options: GitLabOptions): GitLab {
  const config = resourceOptions(options);
  const projects = new Projects(config);
  const commits = new Commits(config);
  const deployments = new Deployments(config);
  const show = (idOrPath: string): Promise<GitLabAnswer<GitLabProject>> =>
    answer(async () => {
      const { id, path_with_namespace: path } = await projects.show(idOrPath);
      return { id, path: String(path) };
    });
  /** The numbers of projects that were renamed: nothing can be written by an old path (GitLab 16.7 and newer). */
  const renamed = new Map<string, number>();
  async function write<T>(
    project: string,
    send: (project: string | number) => Promise<T>,
    isFine?: (failure: GitLabFailure) => boolean,
  ): Promise<GitLabAnswer<T>> {
    const sent = await answer(() => send(renamed.get(project) ?? project), isFine);
    if (sent.ok || sent.failure.status !== 405 || renamed.has(project)) return sent;
    const found = await show(project);
    if (!found.ok) return found;
    renamed.set(project, found.value.id);
    return answer(() => send(found.value.id), isFine);
  }
  return {
    project: show,
    status: (project, sha, name) =>
      answer(async () => {
        const found = await commits.allStatuses(project, sha, { name });
        return found.findLast((one) => one.name === name)?.status;
      }),
    setStatus: (project, sha, update) =>
      write(
        project,
        async (id) => void (await commits.editStatus(id, sha, update.state, statusFields(update))),
        isSameAgain,
      ),
    commitsBetween: async (project, from, to) => {
      const compared = await compareCommits(options, project, { from, to });
      return compared.ok ? { ok: true, value: compared.value.map(({ id }) => id) } : compared;
    },
    deployment: (project, environment, sha) =>
      answer(async () => {
        const query = { environment, orderBy: 'id', sort: 'desc', perPage: 20, maxPages: 1 } as const;
        const found = (await deployments.all(project, query)).find((one) => one.sha === sha);
        return found && { id: found.id, state: found.status };
      }),
    createDeployment: (project, { environment, sha, ref, tag, state }) =>
      write(project, async (to) => {
        const { id } = await deployments.create(to, environment, sha, ref, tag, { status: state });
        return id;
      }),
    updateDeployment: (project, id, state: DeploymentState) =>
      write(project, async (to) => void (await deployments.edit(to, id, state)), isSameAgain),
  };
}

function statusFields({ name, description, ref, targetUrl }: StatusUpdate) {
  return {
    name,
    description:
      description.length > LONGEST
        ? `${description
            .slice(0, LONGEST - 1)
            .toWellFormed()
            .replace(/\ufffd$/, '')}…`
        : description,
    ...(ref !== undefined && ref.length <= LONGEST && { ref }),
    ...(targetUrl !== undefined && targetUrl.length <= LONGEST && { targetUrl }),
  };
}

/** A status that already is what it should become, as GitLab words it. */
function isSameAgain({ status, message }: GitLabFailure): boolean {
  return (
    status === 400 &&
    (/Cannot transition status via :run from :running/.test(message) ||
      /Cannot transition status via :enqueue from :(pending|running)/.test(message) ||
      /cannot transition via/.test(message))
  );
}
