/** Members of projects and groups, with those of the groups above. */
import { json } from '../answer.ts';
import { notFound } from './api-error.ts';
import type { Call } from './call.ts';
import { userBasic } from './entities.ts';
import type { Route } from './router.ts';

export const memberRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/projects/:id/members/all/:user_id',
    login: true,
    handle: (call) => {
      const { project } = call;
      return member(call, (userId) => project.levelOf(userId));
    },
  },
  {
    method: 'GET',
    path: '/groups/:id/members/all/:user_id',
    login: true,
    handle: (call) => {
      const path = groupPath(call);
      return member(call, (userId) => call.world.groupLevel(`${path}/x`, userId));
    },
  },
  {
    method: 'GET',
    path: '/groups/:id',
    login: true,
    handle: (call) => {
      const path = groupPath(call);
      const name = path.slice(path.lastIndexOf('/') + 1);
      return json(200, {
        id: call.world.namespaceId(path),
        name,
        path: name,
        full_path: path,
        full_name: path.replaceAll('/', ' / '),
        visibility: 'private',
        web_url: `${call.world.url}/groups/${path}`,
      });
    },
  },
];

function groupPath({ world, parameters }: Call): string {
  const path = parameters.text('id')!;
  if (!world.projects.some((project) => project.path.startsWith(`${path}/`))) throw notFound('Group');
  return path;
}

function member(call: Call, level: (userId: number) => number) {
  const id = Number(call.parameters.text('user_id'));
  const user = call.world.users.find((candidate) => candidate.id === id);
  const found = user && !user.blocked ? level(id) : 0;
  if (!user || found === 0) throw notFound('Not found');
  return json(200, {
    ...userBasic(call.world, user),
    access_level: found,
    expires_at: null,
    created_at: call.world.startedAt.toISOString(),
    membership_state: 'active',
  });
}
