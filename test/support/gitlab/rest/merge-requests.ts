import { json } from '../answer.ts';
import { mergeBase } from '../commit-log.ts';
import { type MergeRequest, merge, openMergeRequest } from '../merge-requests.ts';
import type { Project } from '../project.ts';
import { mayMerge } from '../protected-branches.ts';
import { ApiError, badRequest, notFound, renderError, unauthorized } from './api-error.ts';
import type { Call } from './call.ts';
import { fileDiffs } from './compare.ts';
import { mergeRequestBody } from './merge-request-entity.ts';
import { paginated } from './pagination.ts';
import { integer, oneOf, required } from './parameters.ts';
import type { Route } from './router.ts';

const PATH = '/projects/:id/merge_requests';

export function mergeRequestOf(call: Call): MergeRequest {
  const { mergeRequests } = call.code;
  const found = mergeRequests.find(({ iid }) => iid === call.parameters.integer('iid'));
  if (!found) throw notFound('MergeRequest');
  return found;
}

async function showOne(call: Call, request: MergeRequest): Promise<object> {
  const { target, sha, targetBranch } = request;
  const start = (await target.head(targetBranch)) ?? null;
  const base = start === null ? undefined : await mergeBase(target, [start, sha]);
  const body = await mergeRequestBody(call.world, request);
  const changes = base === undefined ? [] : await fileDiffs(target, base, sha);
  return {
    ...body,
    subscribed: false,
    changes_count: String(changes.length),
    head_pipeline: null,
    diff_refs: { base_sha: base ?? null, head_sha: sha, start_sha: start },
  };
}

function list(call: Call): MergeRequest[] {
  const { parameters } = call;
  const iids = parameters.list('iids').map(Number);
  const text = (name: string): string | undefined => parameters.present(name);
  const state = text('state') ?? 'all';
  const found = call.code.mergeRequests.filter(
    (request) =>
      (state === 'all' || request.state === state) &&
      (text('source_branch') ?? request.sourceBranch) === request.sourceBranch &&
      (text('target_branch') ?? request.targetBranch) === request.targetBranch &&
      (parameters.integer('source_project_id') ?? request.source.id) === request.source.id &&
      (iids.length === 0 || iids.includes(request.iid)),
  );
  const key = text('order_by') === 'updated_at' ? 'updatedAt' : 'createdAt';
  found.sort((a, b) => a[key].getTime() - b[key].getTime() || a.id - b.id);
  return text('sort') === 'asc' ? found : found.reverse();
}

async function create(call: Call) {
  const source = call.project;
  const { parameters, user, world } = call;
  const targetId = parameters.integer('target_project_id') ?? source.id;
  const target = world.projects.find(({ id }) => id === targetId);
  if (!target) throw notFound('Project');
  call.demand(source, 'developer');
  const [sourceBranch, targetBranch] = [parameters.text('source_branch')!, parameters.text('target_branch')!];
  await checkBranches(source, target, sourceBranch, targetBranch);
  const request = await openMergeRequest(world, target, {
    source,
    sourceBranch,
    targetBranch,
    title: parameters.text('title')!,
    description: parameters.text('description') ?? '',
    removeSourceBranch: parameters.flag('remove_source_branch'),
    author: user,
  });
  return json(201, await showOne(call, request));
}

async function checkBranches(source: Project, target: Project, from: string, to: string): Promise<void> {
  const twin = target.mergeRequests.find(
    (one) =>
      one.state === 'opened' && one.source === source && one.sourceBranch === from && one.targetBranch === to,
  );
  if (source === target && from === to)
    throw renderError(422, "You can't use same project/branch for source and target");
  if ((await source.head(from)) === undefined) throw badRequest('["Source branch does not exist"]');
  if ((await target.head(to)) === undefined) throw badRequest('["Target branch does not exist"]');
  if (twin) {
    const text = `Another open merge request already exists for this source branch: !${twin.iid}`;
    throw new ApiError(409, { message: [text] });
  }
}

async function update(call: Call) {
  const request = mergeRequestOf(call);
  const { parameters, user, world } = call;
  if (request.author !== user) call.demand(request.target, 'developer');
  request.title = parameters.present('title') ?? request.title;
  request.description = parameters.text('description') ?? request.description;
  const event = parameters.present('state_event');
  if (event === 'close' && request.state === 'opened')
    Object.assign(request, { state: 'closed', closedAt: world.now(), closedBy: user });
  if (event === 'reopen' && request.state === 'closed')
    Object.assign(request, { state: 'opened', closedAt: null, closedBy: null });
  request.updatedAt = world.now();
  return json(200, await showOne(call, request));
}

async function accept(call: Call) {
  const request = mergeRequestOf(call);
  const { parameters, user, world } = call;
  const { target, targetBranch } = request;
  if (!mayMerge(target.protectedBranches, targetBranch, call.level(target))) throw unauthorized();
  const sha = parameters.present('sha');
  if (sha !== undefined && sha !== request.sha)
    throw renderError(409, 'SHA does not match HEAD of source branch');
  if (request.state !== 'opened') throw renderError(405, '405 Method Not Allowed');
  if (parameters.has('should_remove_source_branch'))
    request.removeSourceBranch = parameters.flag('should_remove_source_branch');
  if ((await merge(world, request, user)) === undefined) throw renderError(422, 'Branch cannot be merged');
  return json(200, await showOne(call, request));
}

export const mergeRequestRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: PATH,
    jobs: true,
    rules: [
      oneOf('state', ['opened', 'closed', 'locked', 'merged', 'all']),
      oneOf('order_by', ['created_at', 'updated_at', 'title', 'merged_at']),
      oneOf('sort', ['asc', 'desc']),
    ],
    handle: async (call) => {
      const bodies = await Promise.all(list(call).map((request) => mergeRequestBody(call.world, request)));
      return paginated(call, bodies, (body) => body);
    },
  },
  {
    method: 'GET',
    path: `${PATH}/:iid`,
    jobs: true,
    rules: [integer('iid')],
    handle: async (call) => json(200, await showOne(call, mergeRequestOf(call))),
  },
  {
    method: 'POST',
    path: PATH,
    login: true,
    rules: [required('source_branch'), required('target_branch'), required('title')],
    handle: create,
  },
  {
    method: 'PUT',
    path: `${PATH}/:iid`,
    login: true,
    rules: [oneOf('state_event', ['close', 'reopen'])],
    handle: update,
  },
  { method: 'PUT', path: `${PATH}/:iid/merge`, login: true, handle: accept },
];
