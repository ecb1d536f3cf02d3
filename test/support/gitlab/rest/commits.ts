/** Commits: list, one, where it is, and merge requests of it. */
import { json } from '../answer.ts';
import { commitAt, log, refs } from '../commit-log.ts';
import type { Project } from '../project.ts';
import { notFound, renderError } from './api-error.ts';
import type { Call } from './call.ts';
import { commitBasic, commitDetail } from './commit-entities.ts';
import { mergeRequestBody, mergeRequestsWith } from './merge-request-entity.ts';
import { pageHeaders, pageOf, paginated } from './pagination.ts';
import { oneOf } from './parameters.ts';
import type { Route } from './router.ts';

async function commitOf(call: Call, project: Project) {
  const commit = await commitAt(project, call.parameters.text('sha')!);
  if (!commit) throw notFound('Commit');
  return commit;
}

/** The arguments of `git log` for the filters of a list; undefined where `ref_name` names nothing. */
async function revisions(call: Call, project: Project): Promise<string[] | undefined> {
  const { parameters } = call;
  if (parameters.flag('all')) return ['--all'];
  const ref = parameters.present('ref_name') ?? project.defaultBranch;
  if (ref.startsWith('-')) throw renderError(400, 'ref_name is invalid');
  const ends = await Promise.all(ref.split(/\.{2,3}/).map((end) => project.resolve(end)));
  if (ends.some((end) => end === undefined)) return undefined;
  return [ends.length === 2 ? `${ends[0]}..${ends[1]}` : ends[0]!];
}

export const commitRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/projects/:id/repository/commits',
    handle: async (call) => {
      const project = call.code;
      const { parameters } = call;
      if ((await refs(project, 'heads')).length === 0) throw notFound('Repository');
      const page = pageOf(call);
      const from = await revisions(call, project);
      const option = (name: string, flag: string): string[] => {
        const value = parameters.present(name);
        return value === undefined ? [] : [`${flag}=${value}`];
      };
      const path = parameters.present('path');
      const commits = from
        ? await log(project, [
            `--skip=${(page.page - 1) * page.perPage}`,
            `--max-count=${page.perPage}`,
            ...option('since', '--since'),
            ...option('until', '--until'),
            ...option('author', '--author'),
            ...(parameters.flag('first_parent') ? ['--first-parent'] : []),
            ...(parameters.text('order') === 'topo' ? ['--topo-order'] : []),
            ...from,
            '--',
            ...(path === undefined ? [] : [path]),
          ])
        : [];
      // Nobody counts commits: a full page promises a next one, which may be empty.
      const next = commits.length === page.perPage ? page.page + 1 : undefined;
      const shown = commits.map((commit) => commitBasic(project, commit));
      return json(200, shown, pageHeaders(call, page, next));
    },
  },
  {
    method: 'GET',
    path: '/projects/:id/repository/commits/:sha',
    jobs: true,
    handle: async (call) => {
      const project = call.code;
      const commit = await commitOf(call, project);
      return json(200, await commitDetail(project, commit, call.parameters.flag('stats', true)));
    },
  },
  {
    method: 'GET',
    path: '/projects/:id/repository/commits/:sha/refs',
    rules: [oneOf('type', ['branch', 'tag', 'all'])],
    handle: async (call) => {
      const project = call.code;
      const { id } = await commitOf(call, project);
      const type = call.parameters.text('type') ?? 'all';
      const branches = type === 'tag' ? [] : await refs(project, 'heads', id);
      const tags = type === 'branch' ? [] : await refs(project, 'tags', id);
      const all = [
        ...branches.map(({ name }) => ({ type: 'branch', name })),
        ...tags.map(({ name }) => ({ type: 'tag', name })),
      ];
      return paginated(call, all, (ref) => ref);
    },
  },
  {
    method: 'GET',
    path: '/projects/:id/repository/commits/:sha/merge_requests',
    jobs: true,
    handle: async (call) => {
      const project = call.code;
      const { id } = await commitOf(call, project);
      const state = call.world.version.atLeast('18.2') ? call.parameters.present('state') : undefined;
      const found = (await mergeRequestsWith(project, id)).filter(
        (request) => state === undefined || state === 'all' || request.state === state,
      );
      const bodies = await Promise.all(found.map((request) => mergeRequestBody(call.world, request)));
      return paginated(call, bodies, (body) => body);
    },
  },
];
