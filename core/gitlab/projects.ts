import {
  Branches,
  Commits,
  Deployments,
  MergeRequestNotes,
  MergeRequests,
  Projects,
  Repositories,
  RepositoryFiles,
  Users,
} from '@gitbeaker/rest';
import type {
  CommitInfo,
  DeploymentInfo,
  GitLabProjects,
  MergeRequestInfo,
  NewCommit,
  NoteInfo,
  StatusInfo,
} from '../model/gitlab-projects.ts';
import { answer, answerIfAny } from './answer.ts';
import { type GitLabOptions, resourceOptions } from './connection.ts';

/** Opens GitLab's REST API for work in projects. No request is sent yet. */
export function openProjects(options: GitLabOptions): GitLabProjects {
  const config = resourceOptions({ ...options, repeatsPosts: false });
  const projects = new Projects(config);
  return {
    ...ofRepositories(config),
    ...ofDeliveries(config),
    ...ofMergeRequests(config),
    self: () =>
      answer(async () => {
        const { id, username } = await new Users(config).showCurrentUser();
        return { id, username };
      }),
    details: (project) =>
      answer(async () => {
        const found = await projects.show(project);
        return {
          id: found.id,
          path: String(found.path_with_namespace),
          webUrl: String(found.web_url),
          isPublic: found.visibility === 'public',
          ...(found.default_branch && { defaultBranch: String(found.default_branch) }),
        };
      }),
  };
}

type Config = ReturnType<typeof resourceOptions>;
type Repository = 'file' | 'branch' | 'commit' | 'commits' | 'createCommit' | 'mergeBase';

function ofRepositories(config: Config): Pick<GitLabProjects, Repository> {
  const [files, branches, commits] = [new RepositoryFiles(config), new Branches(config), new Commits(config)];
  const repositories = new Repositories(config);
  return {
    file: (project, path, revision) =>
      answerIfAny(async () => {
        const { content, last_commit_id: lastCommit } = await files.show(project, path, revision);
        return { content: Buffer.from(content, 'base64'), lastCommit };
      }),
    branch: (project, name) =>
      answerIfAny(async () => {
        const found = await branches.show(project, name);
        return { name: found.name, commit: String(found.commit.id), isProtected: found.protected === true };
      }),
    commit: (project, revision) =>
      answerIfAny(async () => commitInfo(await commits.show(project, revision, { stats: false }))),
    commits: (project, branch, { most, path }) =>
      answer(async () => {
        const query = { refName: branch, perPage: most, maxPages: 1, ...(path !== undefined && { path }) };
        return (await commits.all(project, query)).map(commitInfo);
      }),
    createCommit: (project, { branch, startBranch, message, updates }) =>
      answer(async () => {
        const more = startBranch === undefined ? {} : { startBranch };
        return commitInfo(
          await commits.create(project, branch, message, updates.map(action), { ...more, stats: false }),
        );
      }),
    mergeBase: (project, one, other) =>
      // An unknown one is a 400 here, unlike anywhere else.
      answer<string | undefined>(
        async () => String((await repositories.mergeBase(project, [one, other])).id),
        ({ status, message }) =>
          (status === 404 && /Merge Base/.test(message)) || (status === 400 && /find ref/.test(message)),
      ),
  };
}

function action({ path, content, lastCommit }: NewCommit['updates'][number]) {
  return {
    action: lastCommit === undefined ? ('create' as const) : ('update' as const),
    filePath: path,
    content: content.toString('base64'),
    encoding: 'base64',
    ...(lastCommit !== undefined && { lastCommitId: lastCommit }),
  };
}

function commitInfo(commit: Record<string, unknown>): CommitInfo {
  return {
    id: String(commit.id),
    title: String(commit.title),
    committedAt: String(commit.committed_date ?? commit.created_at),
    parents: (commit.parent_ids as string[] | undefined) ?? [],
  };
}

function ofDeliveries(config: Config): Pick<GitLabProjects, 'statuses' | 'deployments'> {
  const [commits, deployments] = [new Commits(config), new Deployments(config)];
  return {
    statuses: (project, commit, names) =>
      answer(async () => {
        const newest = new Map<string, StatusInfo>();
        for (const name of names)
          for (const one of await commits.allStatuses(project, commit, { name }))
            if (one.name === name && one.id > (newest.get(name)?.id ?? 0))
              newest.set(name, statusInfo(one as unknown as Record<string, unknown>));
        return newest;
      }),
    deployments: (project, environment, { most, state }) =>
      answer(async () => {
        const found = await deployments.all(project, {
          environment,
          orderBy: 'id',
          sort: 'desc',
          perPage: most,
          maxPages: 1,
          ...(state !== undefined && { status: state as 'success' }),
        });
        return found.map((one) => deploymentInfo(one as unknown as Record<string, unknown>));
      }),
  };
}

function statusInfo(status: Record<string, unknown>): StatusInfo {
  const { id, status: state, description, finished_at, started_at, created_at, target_url } = status;
  return {
    id: Number(id),
    state: String(state),
    description: typeof description === 'string' ? description : '',
    at: String(finished_at ?? started_at ?? created_at),
    ...(typeof target_url === 'string' && { targetUrl: target_url }),
  };
}

function deploymentInfo({ id, sha, status, updated_at, created_at, deployable }: Record<string, unknown>) {
  return {
    id: Number(id),
    commit: String(sha),
    state: String(status),
    at: String(updated_at ?? created_at),
    byJob: deployable !== null && deployable !== undefined,
  } satisfies DeploymentInfo;
}

type MergeRequestCalls =
  | 'mergeRequest'
  | 'openMergeRequests'
  | 'createMergeRequest'
  | 'notes'
  | 'createNote'
  | 'editNote'
  | 'removeNote';

function ofMergeRequests(config: Config): Pick<GitLabProjects, MergeRequestCalls> {
  const [requests, notes] = [new MergeRequests(config), new MergeRequestNotes(config)];
  return {
    mergeRequest: (project, iid) => answer(async () => mergeRequestInfo(await requests.show(project, iid))),
    openMergeRequests: (project, { source, target }) =>
      answer(async () => {
        const query = { projectId: project, sourceBranch: source, targetBranch: target, state: 'opened' };
        const found = await requests.all({ ...query, perPage: 20, maxPages: 1 } as { projectId: string });
        return found.map((one) => mergeRequestInfo(one as unknown as Record<string, unknown>));
      }),
    createMergeRequest: (project, { source, target, title, description }) =>
      answer(async () => {
        const more = { description, removeSourceBranch: true };
        return mergeRequestInfo(await requests.create(project, source, target, title, more));
      }),
    notes: (project, iid) =>
      answer(async () => {
        const query = { orderBy: 'created_at', sort: 'asc', perPage: 100 } as const;
        return (await notes.all(project, iid, query)).map((one) =>
          noteInfo(one as unknown as Record<string, unknown>),
        );
      }),
    createNote: (project, iid, body) =>
      answer(async () => {
        const made = (await notes.create(project, iid, body)) as unknown as Record<string, unknown>;
        return made.id === undefined ? undefined : noteInfo(made);
      }),
    editNote: (project, iid, id, body) =>
      answerIfAny(async () =>
        noteInfo((await notes.edit(project, iid, id, { body })) as unknown as Record<string, unknown>),
      ),
    removeNote: (project, iid, id) =>
      answer(
        async () => void (await notes.remove(project, iid, id)),
        ({ status }) => status === 404,
      ),
  };
}

function mergeRequestInfo(request: Record<string, unknown>): MergeRequestInfo {
  const { iid, web_url, state, sha } = request;
  return { iid: Number(iid), webUrl: String(web_url), state: String(state), head: String(sha) };
}

function noteInfo({ id, body, author, system, updated_at }: Record<string, unknown>): NoteInfo {
  return {
    id: Number(id),
    body: String(body),
    authorId: Number((author as { id?: unknown } | undefined)?.id),
    isSystem: system === true,
    updatedAt: String(updated_at),
  };
}
