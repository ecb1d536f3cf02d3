import { json } from '../answer.ts';
import { commitAt, type Ref, refs } from '../commit-log.ts';
import { gitAnswer } from '../git-process.ts';
import type { Project } from '../project.ts';
import { notFound } from './api-error.ts';
import { searched } from './branches.ts';
import type { Call } from './call.ts';
import { commitBasic } from './commit-entities.ts';
import { paginated } from './pagination.ts';
import { oneOf } from './parameters.ts';
import type { Route } from './router.ts';

interface Tag {
  name: string;
  /** When its commit was made; the order of the list goes by it. */
  updated: string;
  body: object;
}

async function show(call: Call, project: Project, { name, target }: Ref): Promise<Tag> {
  const commit = (await commitAt(project, target))!;
  const annotated = target !== commit.id;
  const printed = annotated
    ? await gitAnswer(['cat-file', 'tag', target], { cwd: project.directory })
    : undefined;
  const seconds = /^tagger .* (\d+) [+-]\d{4}$/m.exec(printed ?? '')?.[1];
  const created = seconds === undefined ? null : new Date(Number(seconds) * 1000).toISOString();
  const body = {
    name,
    message: printed?.slice(printed.indexOf('\n\n') + 2).trimEnd() ?? null,
    target,
    commit: commitBasic(project, commit),
    release: null,
    protected: false,
    ...(call.world.version.atLeast('16.11') ? { created_at: created } : {}),
  };
  return { name, updated: commit.committedDate, body };
}

export const tagRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/projects/:id/repository/tags',
    jobs: true,
    rules: [oneOf('order_by', ['name', 'updated', 'version']), oneOf('sort', ['asc', 'desc'])],
    handle: async (call) => {
      const project = call.code;
      const found = searched(await refs(project, 'tags'), call.parameters.present('search'));
      const tags = await Promise.all(found.map((ref) => show(call, project, ref)));
      const key = (call.parameters.text('order_by') ?? 'updated') === 'updated' ? 'updated' : 'name';
      tags.sort((a, b) => a[key].localeCompare(b[key], 'en', { numeric: true }));
      if ((call.parameters.text('sort') ?? 'desc') === 'desc') tags.reverse();
      return paginated(call, tags, ({ body }) => body);
    },
  },
  {
    method: 'GET',
    path: '/projects/:id/repository/tags/:tag_name',
    // The token of a job opens this since 18.8: the router does not know versions, the handler does.
    jobs: true,
    handle: async (call) => {
      if (call.caller.job && !call.world.version.atLeast('18.8')) throw notFound('Project');
      const project = call.code;
      const wanted = call.parameters.text('tag_name');
      const ref = (await refs(project, 'tags')).find(({ name }) => name === wanted);
      if (!ref) throw notFound('Tag');
      return json(200, (await show(call, project, ref)).body);
    },
  },
];
