import type { GitLabOptions } from '../core/gitlab/connection.ts';
import { openProjects } from '../core/gitlab/projects.ts';
import type { GitLabFailure } from '../core/model/gitlab.ts';
import type { GitLabProjects } from '../core/model/gitlab-projects.ts';
import { type Problem, ProblemError } from '../core/model/problem.ts';
import type { Host } from './host.ts';
import type { Inputs } from './inputs.ts';
import type { Job } from './job.ts';
import type { Token } from './token.ts';

/** What the process gives a job. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  signal: AbortSignal;
  now: () => number;
  random: () => number;
  /** Rejects when the signal ends. */
  sleep: (ms: number) => Promise<void>;
  version: string;
  /** Of one request to GitLab's API, in ms; 30,000 where not said. */
  requestTimeout?: number;
}

/** All that a mode works with. */
export interface Desk extends Surroundings {
  inputs: Inputs;
  host: Host;
  job: Job;
  token: Token | undefined;
  gitlabUrl: string;
  gitlab: GitLabProjects;
  /** What it was opened with. */
  gitlabOptions: GitLabOptions;
  /** When pointing and waiting are over, in ms since 1970. */
  deadline: number;
}

/** Opens GitLab with the token of the inputs, or the job's. Throws ProblemError where nobody says where it is. */
export function openDesk(
  around: Surroundings,
  { inputs, host, token }: { inputs: Inputs; host: Host; token: Token | undefined },
): Desk {
  const { job } = host;
  const gitlabUrl = inputs.gitlabUrl ?? job.gitlabUrl;
  if (gitlabUrl === undefined)
    throw new ProblemError({
      code: 'Usage',
      message: 'input gitlab_url is missing',
      hint: 'https://gitlab.example.com',
    });
  const { signal, sleep, random, version, requestTimeout: timeout } = around;
  const gitlabOptions: GitLabOptions = {
    url: gitlabUrl,
    // No header at all would do, too: GitLab takes an empty one for none.
    token: () => Promise.resolve(token?.value ?? ''),
    tokenKind: token?.kind ?? 'access',
    signal,
    sleep,
    random,
    ...(timeout !== undefined && { timeout }),
    userAgent: `gitlab-agent-ci/${version}`,
  };
  const gitlab = openProjects(gitlabOptions);
  const deadline = around.now() + inputs.timeout;
  return { ...around, inputs, host, job, token, gitlabUrl, gitlab, gitlabOptions, deadline };
}

/** The project with the manifests. */
export function manifestProject({ inputs, job }: Pick<Desk, 'inputs' | 'job'>): string {
  const project = inputs.manifestProject ?? job.project;
  if (project !== undefined) return project;
  throw new ProblemError({
    code: 'Usage',
    message: 'input manifest_project is missing',
    hint: 'the path of the project with the manifests: group/project',
  });
}

/** Whether two paths are of one project: GitLab takes them in any case. */
export function isSameProject(one: string, other: string | undefined): boolean {
  return one.toLowerCase() === other?.toLowerCase();
}

/** Whether the manifests are in the pipeline's own project. */
export function hasOwnManifests({ inputs, job }: Pick<Desk, 'inputs' | 'job'>): boolean {
  return inputs.manifestProject === undefined || isSameProject(inputs.manifestProject, job.project);
}

/** The default branch of the manifest project. Throws ProblemError where it can't be asked for. */
export async function defaultBranch({ gitlab, job }: Desk, project: string): Promise<string> {
  if (isSameProject(project, job.project) && job.defaultBranch !== undefined) return job.defaultBranch;
  const details = demand(`the manifest project ${project} can't be read`, await gitlab.details(project));
  return details.defaultBranch ?? 'main';
}

/** The commit that the job is about. */
export function wantedCommit({ inputs, job }: Pick<Desk, 'inputs' | 'job'>): string {
  const own = hasOwnManifests({ inputs, job }) ? job.commit : undefined;
  const commit = inputs.commit?.toLowerCase() ?? own;
  if (commit !== undefined) return commit;
  throw new ProblemError({
    code: 'Usage',
    message: 'input commit is missing',
    hint: 'the full SHA of a commit of the manifest project: that of this pipeline is of another one',
  });
}

/** Words a request that failed: what was being done, what GitLab said, and what to do about it. */
export function problemOf(doing: string, failure: GitLabFailure, hint = hintOf(failure)): Problem {
  return { code: 'GitLab', message: `${doing}: ${failure.message}`, ...(hint && { hint }) };
}

function hintOf({ code, message }: GitLabFailure): string | undefined {
  switch (code) {
    case 'unauthorized':
      return 'the token is missing, wrong, revoked or expired: give a valid one as input token';
    case 'forbidden':
      return /scope|privileges/i.test(message)
        ? 'the token needs the scope api (read_api is enough for waiting)'
        : "the token's role is too low there: Developer, and whoever may push where the branch is protected";
    case 'notFound':
      return 'is the path right? GitLab answers the same for what the token may not see';
    case 'throttled':
    case 'unavailable':
      return 'run the job again later: it goes on from where things are';
    default:
      return undefined;
  }
}

/** The value of an answer. Throws ProblemError for a failure. */
export function demand<T>(
  doing: string,
  answer: { ok: true; value: T } | { ok: false; failure: GitLabFailure },
): T {
  if (answer.ok) return answer.value;
  throw new ProblemError(problemOf(doing, answer.failure));
}
