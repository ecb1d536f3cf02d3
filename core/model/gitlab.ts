/** States that a commit status is set to here; GitLab has more ("Commits API"). */
export type CommitState = 'pending' | 'running' | 'success' | 'failed' | 'canceled';

/** A request to GitLab that did not succeed, in one sentence. Holds no credentials. */
export interface GitLabFailure {
  /** The HTTP status; 0 where there was no answer at all. */
  status: number;
  /**
   * `unauthorized`: no, a wrong or an expired token. `forbidden`: too small a scope or role. `notFound`: also what one
   * is not allowed to know. `conflict`: somebody else is at it, ask again. `invalid`: asking again is of no use.
   * `throttled`, `unavailable`: ask again later.
   */
  code: 'unauthorized' | 'forbidden' | 'notFound' | 'conflict' | 'invalid' | 'throttled' | 'unavailable';
  message: string;
  /** In ms, where GitLab said how long to wait. */
  retryAfter?: number;
}

export type GitLabAnswer<T> = { ok: true; value: T } | { ok: false; failure: GitLabFailure };

/** What a commit status says. Description and URL have at most 255 characters; longer ones are cut, or left out. */
export interface StatusUpdate {
  state: CommitState;
  /** What tells it from the statuses of others: `gitlab-agent/production`. */
  name: string;
  description: string;
  /** The branch or tag whose pipeline it belongs to; GitLab finds one where it is not said. */
  ref?: string;
  targetUrl?: string;
}

export type DeploymentState = 'running' | 'success' | 'failed' | 'canceled';

/** A project as far as anybody here wants to know it. */
export interface GitLabProject {
  id: number;
  /** `group/project`, as it is called now. */
  path: string;
}

/** What the agent asks of GitLab's REST API. `core/gitlab` implements it; every call ends on the signal it was made with. */
export interface GitLab {
  project(idOrPath: string): Promise<GitLabAnswer<GitLabProject>>;
  /** The state of the newest status of that name at a commit; undefined where there is none. */
  status(project: string, sha: string, name: string): Promise<GitLabAnswer<string | undefined>>;
  /** Sets the status of a full commit SHA. A state that it already has is no failure. */
  setStatus(project: string, sha: string, update: StatusUpdate): Promise<GitLabAnswer<void>>;
  /** The commits that lead from one to another, which is the last; the newest first. */
  commitsBetween(project: string, from: string, to: string): Promise<GitLabAnswer<string[]>>;
  /** The newest deployment of a commit to an environment; undefined where there is none. */
  deployment(
    project: string,
    environment: string,
    sha: string,
  ): Promise<GitLabAnswer<{ id: number; state: string } | undefined>>;
  /** Records that an environment is being deployed to; the answer is the deployment's ID. */
  createDeployment(
    project: string,
    deployment: { environment: string; sha: string; ref: string; tag: boolean; state: DeploymentState },
  ): Promise<GitLabAnswer<number>>;
  updateDeployment(project: string, id: number, state: DeploymentState): Promise<GitLabAnswer<void>>;
}
