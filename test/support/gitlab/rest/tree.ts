import { json } from '../answer.ts';
import { type TreeEntry, treeOf } from '../commit-log.ts';
import { grapeError, notFound, renderError } from './api-error.ts';
import { linkTo, pageOf, paginated } from './pagination.ts';
import { oneOf } from './parameters.ts';
import type { Route } from './router.ts';

const KINDS = ['tree', 'blob', 'commit'];

function show({ id, type, path, mode }: TreeEntry): object {
  return { id, name: path.slice(path.lastIndexOf('/') + 1), type, path, mode };
}

export const treeRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/projects/:id/repository/tree',
    rules: [oneOf('pagination', ['legacy', 'keyset', 'none'])],
    handle: async (call) => {
      const project = call.code;
      const { parameters, world } = call;
      const recursive = parameters.flag('recursive');
      const pagination = parameters.text('pagination') ?? 'legacy';
      if (pagination === 'none' && !recursive)
        throw grapeError(400, 'pagination cannot be "none" unless "recursive" is true');
      const sha = await project.resolve(parameters.present('ref') ?? project.defaultBranch);
      if (sha === undefined) throw notFound('Tree');
      const found = await treeOf(project, sha, parameters.present('path') ?? '', recursive);
      if (!found && world.version.atLeast('17.7'))
        throw renderError(404, '404 invalid revision or path Not Found');
      // Folders before files.
      const entries = (found ?? []).toSorted((a, b) => KINDS.indexOf(a.type) - KINDS.indexOf(b.type));
      if (pagination === 'none') return json(200, entries.map(show));
      if (pagination === 'legacy' || !world.version.atLeast('17.1')) return paginated(call, entries, show);
      const { perPage } = pageOf(call);
      const token = parameters.present('page_token');
      const start = token === undefined ? 0 : entries.findIndex(({ id }) => id === token) + 1;
      const page = entries.slice(start, start + perPage);
      const more = start + perPage < entries.length;
      const next = `<${linkTo(call, { page_token: page.at(-1)?.id ?? '', per_page: String(perPage) })}>; rel="next"`;
      return json(200, page.map(show), more ? { link: next } : {});
    },
  },
];
