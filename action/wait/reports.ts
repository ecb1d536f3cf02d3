import type { GitLabAnswer } from '../../core/model/gitlab.ts';
import type { GitLabProjects } from '../../core/model/gitlab-projects.ts';

/** What the agent said of a commit. Newer words have greater ids. */
export interface Report {
  id: number;
  commit: string;
  state: string;
  description: string;
  at: string;
}

/** Where the agent's words are found. */
export interface Reports {
  /** Its newest word about a commit, as of the last `others`. */
  of(commit: string): Promise<GitLabAnswer<Report | undefined>>;
  /** Commits that it was or is at, beside the wanted one, oldest first. */
  others(): Promise<GitLabAnswer<readonly string[]>>;
  /** Its newest word about any commit. */
  newest(): Promise<GitLabAnswer<Report | undefined>>;
  /** How one says where they are: `commit status gitlab-agent/production`. */
  readonly name: string;
}

/** How far back an agent's last word is looked for. */
const COMMITS_BACK = 20;

/** The agent's newest commit status at a commit, by any of its names. */
export async function statusOf(
  gitlab: Pick<GitLabProjects, 'statuses'>,
  { project, names }: Pick<StatusPlace, 'project' | 'names'>,
  commit: string,
): Promise<GitLabAnswer<Report | undefined>> {
  const found = await gitlab.statuses(project, commit, names);
  if (!found.ok) return found;
  const newest = [...found.value.values()].sort((a, b) => b.id - a.id)[0];
  return { ok: true, value: newest && { ...newest, commit } };
}

/**
 * Commit statuses of the agent. `tip`: the commit that it is to be at by now, which is another one where somebody
 * pushed or pointed it further.
 */
export function statusReports(
  gitlab: Pick<GitLabProjects, 'statuses' | 'commits'>,
  { project, names, branch, tip }: StatusPlace,
): Reports {
  const of = (commit: string) => statusOf(gitlab, { project, names }, commit);
  return {
    name: `commit status ${names[0]}`,
    of,
    others: async () => {
      const at = await tip();
      return at.ok ? { ok: true, value: at.value === undefined ? [] : [at.value] } : at;
    },
    newest: async () => {
      const commits = await gitlab.commits(project, branch, { most: COMMITS_BACK });
      if (!commits.ok) return commits;
      for (const { id } of commits.value) {
        const found = await of(id);
        if (!found.ok || found.value) return found;
      }
      return { ok: true, value: undefined };
    },
  };
}

export interface StatusPlace {
  project: string;
  names: readonly string[];
  branch: string;
  tip: () => Promise<GitLabAnswer<string | undefined>>;
}

/** Deployments of the agent to an environment; those of the pipelines' own jobs are not its words. */
export function deploymentReports(
  gitlab: Pick<GitLabProjects, 'deployments'>,
  { project, environment }: { project: string; environment: string },
): Reports {
  let known: readonly Report[] = [];
  const list = async (): Promise<GitLabAnswer<readonly Report[]>> => {
    const found = await gitlab.deployments(project, environment, { most: COMMITS_BACK });
    if (!found.ok) return found;
    const own = found.value.filter(({ byJob }) => !byJob);
    known = own.map((one) => ({ ...one, description: '' }));
    return { ok: true, value: known };
  };
  return {
    name: `a deployment to ${environment}`,
    // One list has them all.
    of: async (commit) => ({ ok: true, value: known.find((one) => one.commit === commit) }),
    others: async () => {
      const all = await list();
      return all.ok ? { ok: true, value: all.value.map(({ commit }) => commit).reverse() } : all;
    },
    newest: async () => {
      const all = await list();
      return all.ok ? { ok: true, value: all.value[0] } : all;
    },
  };
}
