/** Git over HTTP: who may, in GitLab's order and words. `git http-backend` then does the work. */
import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { type Answer, text } from './answer.ts';
import { type GitCaller, gitCaller } from './git-credentials.ts';
import { httpBackend } from './http-backend.ts';
import { accessLevel, mayReadCode, maySee } from './permissions.ts';
import type { Project } from './project.ts';
import { hookRules } from './protected-branches.ts';
import { ROLES } from './roles.ts';
import type { RefUpdate, World } from './world.ts';

interface GitRequest {
  path: string;
  /** `info/refs` and so on. */
  action: string;
  service: string | null;
}

const ACTION = /^\/(.+?)(\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;

/** Undefined where the request is not one of git's. */
export async function answerGit(
  world: World,
  request: IncomingMessage,
  url: URL,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const [, path, dotGit, action] = ACTION.exec(decoded(url.pathname)) ?? [];
  if (path === undefined || action === undefined) return undefined;
  if (dotGit === undefined) {
    const location = `${world.url}/${path}.git/${action}${url.search}`;
    return text(301, `This resource has been moved permanently to ${location}`, { location });
  }
  const service = action === 'info/refs' ? url.searchParams.get('service') : action;
  return await answer(world, request, { path, action, service }, url.search.slice(1), signal);
}

/** What cannot be decoded is nobody's path. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return '';
  }
}

async function answer(
  world: World,
  request: IncomingMessage,
  { path, action, service }: GitRequest,
  query: string,
  signal: AbortSignal,
): Promise<Answer> {
  const project = world.projectAt(path) ?? world.oldPaths.get(path);
  const caller = gitCaller(world, request.headers.authorization, project);
  if (world.limits.banned) return text(403, 'Forbidden\n');
  if (!caller) {
    world.limits.loginFailed();
    return denied(world);
  }
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack')
    return text(403, "The command you're trying to execute is not allowed.");
  const push = service === 'git-receive-pack';
  const refusal = refuse(world, project, caller, push, request.headers.authorization !== undefined);
  if (refusal) return refusal;
  return await serve(world, request, project!, { caller, push, action, path, query, signal });
}

/** In the order of GitLab's own access check: the credential, the project, the role. */
function refuse(
  world: World,
  project: Project | undefined,
  caller: GitCaller,
  push: boolean,
  authenticated: boolean,
): Answer | undefined {
  if (!authenticated && (push || project?.visibility !== 'public')) return denied(world);
  if (push ? !caller.push : !caller.fetch)
    return text(403, push ? 'You are not allowed to upload code.' : 'You are not allowed to download code.');
  if (!project || !sees(project, caller))
    return text(
      404,
      "The project you were looking for could not be found or you don't have permission to view it.",
    );
  if (!push && !downloads(project, caller))
    return text(403, 'You are not allowed to download code from this project.');
  if (push && !uploads(project, caller))
    return text(403, 'You are not allowed to push code to this project.');
  return undefined;
}

function sees(project: Project, caller: GitCaller): boolean {
  if (caller.deployTokenOf) return caller.deployTokenOf === project || project.visibility === 'public';
  const { jobOf } = caller;
  if (jobOf && jobOf !== project && project.visibility !== 'public' && !project.jobTokenProjects.has(jobOf))
    return false;
  return maySee(project, caller.user);
}

function downloads(project: Project, caller: GitCaller): boolean {
  return caller.deployTokenOf !== undefined || mayReadCode(project, caller.user);
}

function uploads(project: Project, { user, jobOf }: GitCaller): boolean {
  if (jobOf && (jobOf !== project || !project.jobTokenPush)) return false;
  return !project.archived && accessLevel(project, user) >= ROLES.developer;
}

function denied(world: World): Answer {
  return text(
    401,
    "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect or you're required to use a token instead of a password. If a token was provided, it was either incorrect, expired, or improperly scoped. See " +
      `${world.url}/help/topics/git/troubleshooting_git.md#error-on-git-fetch-http-basic-access-denied`,
    { 'www-authenticate': 'Basic realm="GitLab"' },
  );
}

async function serve(
  world: World,
  request: IncomingMessage,
  project: Project,
  serving: {
    caller: GitCaller;
    push: boolean;
    action: string;
    path: string;
    query: string;
    signal: AbortSignal;
  },
): Promise<Answer> {
  const { caller, action, path, query, signal } = serving;
  const pushed = join(world.directory, `pushed-${randomUUID()}`);
  const level = accessLevel(project, caller.user);
  const moved = path !== project.path;
  const { promise, resolve } = Promise.withResolvers<void>();
  world.run(promise);
  return await httpBackend({
    request,
    program: world.httpBackend,
    root: world.directory,
    path: `/${project.id}.git/${action}`,
    query,
    user: caller.user?.username ?? 'anonymous',
    hooks: world.hooks,
    signal,
    environment: {
      ...hookRules(project.protectedBranches, level),
      GITLAB_PUSHED: pushed,
      GITLAB_DEFAULT_BRANCH: project.defaultBranch,
      GITLAB_PROJECT_URL: project.webUrl,
      GITLAB_REFUSE: project.pushRule ?? '',
      GITLAB_NOTICE: moved
        ? `Project '${path}' was moved to '${project.path}'.\n\nPlease update your Git remote:\n\n  git remote set-url origin ${project.url}`
        : '',
    },
    ended: () => {
      const updates = takeUpdates(pushed);
      if (caller.user) world.pushed({ project, user: caller.user, updates });
      resolve();
    },
  });
}

function takeUpdates(file: string): RefUpdate[] {
  let lines: string;
  try {
    lines = readFileSync(file, 'utf8');
  } catch (error) {
    // No push, or one that was refused.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  rmSync(file);
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [before, after, ref] = line.split(' ');
      return { before: before!, after: after!, ref: ref! };
    });
}
