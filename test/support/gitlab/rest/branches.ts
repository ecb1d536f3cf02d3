import { json } from '../answer.ts';
import { type Ref, refs } from '../commit-log.ts';
import { gitAnswer } from '../git-process.ts';
import type { Project } from '../project.ts';
import { mayPush, protectionsOf } from '../protected-branches.ts';
import { forbidden, notFound, renderError } from './api-error.ts';
import type { Call } from './call.ts';
import { branchBody } from './commit-entities.ts';
import { paginated } from './pagination.ts';
import { required } from './parameters.ts';
import type { Route } from './router.ts';

/** `^main` and `hotfix$` anchor; anything else is found anywhere, whatever its case. */
export function searched(refs: readonly Ref[], search: string | undefined): Ref[] {
  if (search === undefined) return [...refs];
  const term = search.toLowerCase().replace(/^\^|\$$/g, '');
  return refs.filter(({ name }) => {
    const lower = name.toLowerCase();
    if (search.startsWith('^')) return lower.startsWith(term);
    return search.endsWith('$') ? lower.endsWith(term) : lower.includes(term);
  });
}

async function branchOf(call: Call): Promise<{ project: Project; branch: Ref }> {
  const project = call.code;
  const name = call.parameters.text('branch')!;
  const branch = (await refs(project, 'heads')).find((ref) => ref.name === name);
  if (!branch) throw notFound('Branch');
  return { project, branch };
}

export const branchRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/projects/:id/repository/branches',
    jobs: true,
    handle: async (call) => {
      const project = call.code;
      const regex = call.parameters.present('regex');
      const found = searched(await refs(project, 'heads'), call.parameters.present('search')).filter(
        ({ name }) => regex === undefined || new RegExp(regex).test(name),
      );
      const shown = await Promise.all(found.map((branch) => branchBody(call, project, branch)));
      return paginated(call, shown, (branch) => branch);
    },
  },
  {
    method: 'GET',
    path: '/projects/:id/repository/branches/:branch',
    handle: async (call) => {
      const { project, branch } = await branchOf(call);
      if (call.request.method === 'HEAD') return { status: 204, headers: {}, body: '' };
      return json(200, await branchBody(call, project, branch));
    },
  },
  {
    method: 'POST',
    path: '/projects/:id/repository/branches',
    login: true,
    rules: [required('branch'), required('ref')],
    handle: async (call) => {
      const { project, parameters } = call;
      call.demand(project, 'developer');
      const name = parameters.text('branch')!;
      if (!mayPush(project.protectedBranches, name, call.level(project))) throw forbidden();
      const target = await project.resolve(parameters.text('ref')!);
      if (target === undefined) throw renderError(400, `Invalid reference name: ${parameters.text('ref')}`);
      if (await project.head(name)) throw renderError(400, 'Branch already exists');
      const valid = await gitAnswer(['check-ref-format', `refs/heads/${name}`], { cwd: project.directory });
      if (valid === undefined) throw renderError(400, 'Branch name is invalid');
      await project.setBranch(name, target, call.user);
      return json(201, await branchBody(call, project, { name, target }));
    },
  },
  {
    method: 'DELETE',
    path: '/projects/:id/repository/branches/:branch',
    login: true,
    handle: async (call) => {
      const { project, branch } = await branchOf(call);
      call.demand(project, 'developer');
      if (
        branch.name === project.defaultBranch ||
        protectionsOf(project.protectedBranches, branch.name).length > 0
      )
        throw forbidden();
      await project.setBranch(branch.name, undefined, call.user);
      return { status: 204, headers: {}, body: '' };
    },
  },
];
