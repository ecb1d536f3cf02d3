/** Single files: read with their metadata, raw, and the three writes. */
import { createHash } from 'node:crypto';
import { type Answer, json } from '../answer.ts';
import { type Action, commitActions, Refused } from '../commit-actions.ts';
import { blob, fileAt, lastCommitFor } from '../commit-log.ts';
import { TOO_MANY } from '../faults.ts';
import type { Project } from '../project.ts';
import { mayPush } from '../protected-branches.ts';
import { ROLES } from '../roles.ts';
import { ApiError, forbidden, notFound, renderError } from './api-error.ts';
import type { Call } from './call.ts';
import { contentOf } from './commit-create.ts';
import { required, requiredPresent } from './parameters.ts';
import type { Route } from './router.ts';

async function readFile(call: Call, ref: string) {
  const project = call.code;
  const path = call.parameters.text('file_path')!;
  const sha = await project.resolve(ref);
  if (sha === undefined) throw notFound('Commit');
  const entry = await fileAt(project, sha, path);
  if (!entry) throw notFound('File');
  const content = await blob(project, entry.id);
  limitLarge(call, project, entry.id, content.length);
  const fields = {
    file_name: path.slice(path.lastIndexOf('/') + 1),
    file_path: path,
    size: content.length,
    encoding: 'base64',
    content_sha256: createHash('sha256').update(content).digest('hex'),
    ref,
    blob_id: entry.id,
    commit_id: sha,
    last_commit_id: await lastCommitFor(project, sha, path),
    execute_filemode: entry.mode === '100755',
  };
  const headers = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      `x-gitlab-${name.replaceAll('_', '-')}`,
      // Header values are Latin-1; GitLab percent-encodes what is not.
      encodeURI(String(value)),
    ]),
  );
  return { content, fields, headers };
}

const LARGE = 10 * 1024 * 1024;
const LARGE_PER_MINUTE = 5;

/** Since 18.1 what is over 10 MB is given out five times a minute. */
function limitLarge(call: Call, project: Project, blobId: string, size: number): void {
  const { version } = call.world;
  if (size <= LARGE || !version.atLeast('18.1')) return;
  const now = call.world.now().getTime();
  const recent = (project.largeReads.get(blobId) ?? []).filter((time) => time > now - 60_000);
  if (recent.length >= LARGE_PER_MINUTE) throw new ApiError(429, { message: { error: TOO_MANY } });
  project.largeReads.set(blobId, [...recent, now]);
}

type Kind = 'create' | 'update' | 'delete';

async function write(call: Call, kind: Kind): Promise<Answer> {
  const { project, parameters, user, world } = call;
  if (call.level(project) < ROLES.developer) throw forbidden();
  const branch = parameters.text('branch')!;
  if (!mayPush(project.protectedBranches, branch, call.level(project)))
    throw renderError(400, 'You are not allowed to push into this branch');
  const path = parameters.text('file_path')!;
  const action: Action = {
    action: kind,
    path,
    content: contentOf(parameters),
    lastCommitId: parameters.present('last_commit_id'),
    executable: parameters.has('execute_filemode') ? parameters.flag('execute_filemode') : undefined,
  };
  try {
    await commitActions(world, project, user, {
      branch,
      message: parameters.text('commit_message')!,
      actions: [action],
      startBranch: parameters.present('start_branch'),
      authorName: parameters.present('author_name'),
      authorEmail: parameters.present('author_email'),
    });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const changed = 'You are attempting to update a file that has changed since you started editing it.';
    throw renderError(400, error.conflict ? changed : error.message);
  }
  if (kind === 'delete') return { status: 204, headers: {}, body: '' };
  return json(kind === 'create' ? 201 : 200, { file_path: path, branch });
}

const PATH = '/projects/:id/repository/files/:file_path';
const writeRules = [requiredPresent('branch'), requiredPresent('commit_message')];

export const fileRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: PATH,
    scopes: ['read_repository'],
    rules: [requiredPresent('ref')],
    handle: async (call) => {
      const { content, fields, headers } = await readFile(call, call.parameters.text('ref')!);
      if (call.request.method === 'HEAD') return { status: 200, headers, body: '' };
      return json(200, { ...fields, content: content.toString('base64') }, headers);
    },
  },
  {
    method: 'GET',
    path: `${PATH}/raw`,
    jobs: true,
    scopes: ['read_repository'],
    handle: async (call) => {
      const { content, headers } = await readFile(call, call.parameters.present('ref') ?? 'HEAD');
      const type = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
      return { status: 200, headers: { ...headers, ...type }, body: content };
    },
  },
  {
    method: 'POST',
    path: PATH,
    login: true,
    rules: [...writeRules, required('content')],
    handle: (call) => write(call, 'create'),
  },
  {
    method: 'PUT',
    path: PATH,
    login: true,
    rules: [...writeRules, required('content')],
    handle: (call) => write(call, 'update'),
  },
  {
    method: 'DELETE',
    path: PATH,
    login: true,
    rules: writeRules,
    handle: (call) => write(call, 'delete'),
  },
];
