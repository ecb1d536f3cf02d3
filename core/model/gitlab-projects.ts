import type { GitLabAnswer, GitLabProject } from './gitlab.ts';

/** How a token is presented: a job token counts only where GitLab looks at it ("CI/CD job token"). */
export type TokenKind = 'access' | 'oauth' | 'job';

/** A project with what is needed to work in it. */
export interface ProjectDetails extends GitLabProject {
  /** Absent for an empty repository. */
  defaultBranch?: string;
  webUrl: string;
  /** Whether everybody may read it. */
  isPublic: boolean;
}

/** A file at a revision. */
export interface RepositoryFile {
  content: Buffer;
  /** The last commit that touched the file, seen from that revision. */
  lastCommit: string;
}

/**
 * One change of a commit made by the API. `lastCommit` makes it fail where somebody else was there first; without it
 * the file is a new one.
 */
export interface FileUpdate {
  path: string;
  content: Buffer;
  lastCommit?: string;
}

export interface NewCommit {
  branch: string;
  /** Where a new branch begins; absent where the branch exists. */
  startBranch?: string;
  message: string;
  updates: readonly FileUpdate[];
}

export interface CommitInfo {
  id: string;
  title: string;
  /** RFC 3339. */
  committedAt: string;
  parents: readonly string[];
}

export interface BranchInfo {
  name: string;
  commit: string;
  isProtected: boolean;
}

/** What somebody reported of a commit. Newer ones have greater ids. */
export interface StatusInfo {
  id: number;
  state: string;
  description: string;
  /** RFC 3339: the last time that GitLab knows of it. */
  at: string;
  targetUrl?: string;
}

/** What was deployed to an environment. Newer ones have greater ids. */
export interface DeploymentInfo {
  id: number;
  commit: string;
  state: string;
  at: string;
  /** Made by a job of a pipeline, not by the API. */
  byJob: boolean;
}

export interface MergeRequestInfo {
  iid: number;
  webUrl: string;
  state: string;
  /** The newest commit of the source branch. */
  head: string;
}

export interface NoteInfo {
  id: number;
  body: string;
  authorId: number;
  isSystem: boolean;
  /** RFC 3339. */
  updatedAt: string;
}

/**
 * Repositories, merge requests and deliveries of GitLab's projects, for those who work in them: a project is named by
 * its id or full path. What may not be there is undefined where it is not. Every call ends on the signal that it was
 * opened with. Nothing that GitLab might do twice is sent twice: who asks decides after a look at what is there.
 */
export interface GitLabProjects {
  /** Who the token belongs to. */
  self(): Promise<GitLabAnswer<{ id: number; username: string }>>;
  details(project: string): Promise<GitLabAnswer<ProjectDetails>>;
  file(project: string, path: string, revision: string): Promise<GitLabAnswer<RepositoryFile | undefined>>;
  branch(project: string, name: string): Promise<GitLabAnswer<BranchInfo | undefined>>;
  commit(project: string, revision: string): Promise<GitLabAnswer<CommitInfo | undefined>>;
  /** The newest commits of a branch, or of a file in it, newest first. */
  commits(
    project: string,
    branch: string,
    options: { most: number; path?: string },
  ): Promise<GitLabAnswer<CommitInfo[]>>;
  createCommit(project: string, commit: NewCommit): Promise<GitLabAnswer<CommitInfo>>;
  /** The newest commit that both contain; undefined where there is none, or one of them is unknown. */
  mergeBase(project: string, one: string, other: string): Promise<GitLabAnswer<string | undefined>>;
  /** The newest status of each of the names at a commit. */
  statuses(
    project: string,
    commit: string,
    names: readonly string[],
  ): Promise<GitLabAnswer<ReadonlyMap<string, StatusInfo>>>;
  /** The newest deployments to an environment, newest first; `state` keeps those that ended so. */
  deployments(
    project: string,
    environment: string,
    options: { most: number; state?: string },
  ): Promise<GitLabAnswer<DeploymentInfo[]>>;
  mergeRequest(project: string, iid: number): Promise<GitLabAnswer<MergeRequestInfo>>;
  openMergeRequests(
    project: string,
    branches: { source: string; target: string },
  ): Promise<GitLabAnswer<MergeRequestInfo[]>>;
  createMergeRequest(
    project: string,
    request: { source: string; target: string; title: string; description: string },
  ): Promise<GitLabAnswer<MergeRequestInfo>>;
  /** All notes, oldest first. */
  notes(project: string, mergeRequest: number): Promise<GitLabAnswer<NoteInfo[]>>;
  /** Undefined where GitLab took the whole text for quick actions. */
  createNote(
    project: string,
    mergeRequest: number,
    body: string,
  ): Promise<GitLabAnswer<NoteInfo | undefined>>;
  editNote(
    project: string,
    mergeRequest: number,
    id: number,
    body: string,
  ): Promise<GitLabAnswer<NoteInfo | undefined>>;
  /** One that is gone already is no failure. */
  removeNote(project: string, mergeRequest: number, id: number): Promise<GitLabAnswer<void>>;
}
