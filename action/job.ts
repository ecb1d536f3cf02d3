type Env = Readonly<Record<string, string | undefined>>;

/** The merge request that a pipeline runs for. */
export interface JobMergeRequest {
  iid: number;
  /** Where it lives: the target's project. */
  project: string;
  targetBranch?: string;
}

/** What the runner says about the job that this is. Absent: it does not say. */
export interface Job {
  /** Where its GitLab is; absent on GitHub. */
  gitlabUrl?: string;
  project?: string;
  isPublic: boolean;
  commit?: string;
  defaultBranch?: string;
  jobToken?: string;
  /** PEM file with the authority of GitLab's certificate. */
  caFile?: string;
  /** Where the repository is checked out. */
  directory: string;
  /** Who started it. */
  actor?: string;
  pipelineUrl?: string;
  jobUrl?: string;
  /** Rises from pipeline to pipeline. */
  pipeline: number;
  mergeRequest?: JobMergeRequest;
  /** What a merge request or pull request changes: two commits of the project that is checked out. */
  change?: { base: string; head: string };
}

/** The job as GitLab's predefined variables tell of it ("Predefined CI/CD variables reference"). */
export function gitlabJob(env: Env, cwd: string): Job {
  return {
    ...present('gitlabUrl', env.CI_SERVER_URL),
    ...present('project', env.CI_PROJECT_PATH),
    isPublic: env.CI_PROJECT_VISIBILITY === 'public',
    ...present('commit', env.CI_COMMIT_SHA),
    ...present('defaultBranch', env.CI_DEFAULT_BRANCH),
    ...present('jobToken', env.CI_JOB_TOKEN),
    ...present('caFile', env.CI_SERVER_TLS_CA_FILE),
    directory: env.CI_PROJECT_DIR || cwd,
    ...present('actor', env.GITLAB_USER_LOGIN),
    ...present('pipelineUrl', env.CI_PIPELINE_URL),
    ...present('jobUrl', env.CI_JOB_URL),
    pipeline: Number(env.CI_PIPELINE_ID) || 0,
    ...present('mergeRequest', mergeRequestOf(env)),
    ...present('change', changeOf(env)),
  };
}

function mergeRequestOf(env: Env): JobMergeRequest | undefined {
  const iid = Number(env.CI_MERGE_REQUEST_IID);
  const project = env.CI_MERGE_REQUEST_PROJECT_PATH || env.CI_PROJECT_PATH;
  if (iid > 0 && project)
    return { iid, project, ...present('targetBranch', env.CI_MERGE_REQUEST_TARGET_BRANCH_NAME) };
  // A branch pipeline: `group/project!3,group/other!4`.
  const [, open, number] = /^([^!,]+)!(\d+)/.exec(env.CI_OPEN_MERGE_REQUESTS ?? '') ?? [];
  return open && number ? { iid: Number(number), project: open } : undefined;
}

/** In a merged-results pipeline the commit is what the merge will make, so it is compared with the target itself. */
function changeOf(env: Env): { base: string; head: string } | undefined {
  const merged = /^(merged_result|merge_train)$/.test(env.CI_MERGE_REQUEST_EVENT_TYPE ?? '');
  const base = (merged && env.CI_MERGE_REQUEST_TARGET_BRANCH_SHA) || env.CI_MERGE_REQUEST_DIFF_BASE_SHA;
  const head = env.CI_COMMIT_SHA;
  return base && head ? { base, head } : undefined;
}

/** The job as a GitHub-style runner tells of it; `event` is the text of the file that it names. */
export function githubJob(env: Env, cwd: string, event: string | undefined): Job {
  const server = env.GITHUB_SERVER_URL;
  const run = server && env.GITHUB_REPOSITORY && env.GITHUB_RUN_ID;
  const url = run && `${server}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}`;
  return {
    isPublic: false,
    ...present('commit', env.GITHUB_SHA),
    directory: env.GITHUB_WORKSPACE || cwd,
    ...present('actor', env.GITHUB_ACTOR),
    ...present('pipelineUrl', url),
    ...present('jobUrl', url),
    pipeline: Number(env.GITHUB_RUN_NUMBER) || 0,
    ...present('change', pullRequestOf(event, env.GITHUB_SHA)),
  };
}

/** GITHUB_SHA of a pull request is what the merge will make. */
function pullRequestOf(event: string | undefined, head: string | undefined) {
  let parsed: { pull_request?: { base?: { sha?: unknown } } } | undefined;
  try {
    parsed = JSON.parse(event ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
  const base = parsed?.pull_request?.base?.sha;
  return typeof base === 'string' && head ? { base, head } : undefined;
}

function present<K extends string, T>(key: K, value: T | undefined | ''): Partial<Record<K, T>> {
  return value === undefined || value === '' ? {} : ({ [key]: value } as Record<K, T>);
}
