/** What the instance and the credential say of themselves. */
import { json } from '../answer.ts';
import { accessTokenBody } from './access-tokens.ts';
import { badRequest, grapeError, unauthorized } from './api-error.ts';
import type { Call } from './call.ts';
import { databaseTime, userBasic } from './entities.ts';
import type { Route } from './router.ts';

export const instanceRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/version',
    login: true,
    scopes: ['read_user'],
    handle: (call) => json(200, about(call)),
  },
  {
    method: 'GET',
    path: '/metadata',
    login: true,
    scopes: ['read_user'],
    handle: (call) => {
      if (!call.world.version.atLeast('15.2')) throw grapeError(404, '404 Not Found');
      return json(200, about(call));
    },
  },
  {
    method: 'GET',
    path: '/user',
    login: true,
    scopes: ['read_user'],
    handle: ({ world, user }) =>
      json(200, {
        ...userBasic(world, user),
        created_at: databaseTime(world.startedAt),
        bot: user.bot,
        email: user.email,
        is_admin: user.admin,
        can_create_project: !user.bot,
      }),
  },
  {
    method: 'GET',
    path: '/personal_access_tokens/self',
    login: true,
    scopes: 'any',
    handle: ({ caller, world }) => {
      if (!caller.token) throw unauthorized();
      if (caller.token.kind === 'oauth')
        throw badRequest('This endpoint requires token type to be a personal access token');
      return json(200, { ...accessTokenBody(world, caller.token), last_used_ips: ['127.0.0.1'] });
    },
  },
];

function about({ world }: Call): object {
  const host = new URL(world.url).hostname;
  const proxy = world.version.atLeast('17.6')
    ? { externalK8sProxyUrl: `https://${host}:8154/k8s-proxy` }
    : {};
  return {
    version: world.version.text,
    revision: 'c401a659d0c',
    kas: {
      enabled: true,
      externalUrl: `grpc://${host}:8150`,
      ...proxy,
      version: world.version.text.replace(/-.*/, ''),
    },
    ...(world.version.atLeast('15.6') ? { enterprise: world.version.text.endsWith('-ee') } : {}),
  };
}
