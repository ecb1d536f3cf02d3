import { isExpired } from '../access-token.ts';
import { json } from '../answer.ts';
import type { DeployScope, DeployToken } from '../project-credentials.ts';
import type { World } from '../world.ts';
import { noRecord } from './api-error.ts';
import type { Call } from './call.ts';
import { paginated } from './pagination.ts';
import { integer, required } from './parameters.ts';
import type { Route } from './router.ts';

function show(world: World, token: DeployToken): object {
  return {
    id: token.id,
    name: token.name,
    username: token.username,
    expires_at: token.expiresAt === null ? null : new Date(token.expiresAt).toISOString(),
    scopes: token.scopes,
    revoked: token.revoked,
    expired: isExpired(token, world.now()),
  };
}

function ofProject(call: Call): DeployToken[] {
  const { project, world } = call;
  call.demand(project, 'maintainer');
  const wanted = call.parameters.has('active')
    ? (token: DeployToken): boolean => call.parameters.flag('active') === isActive(world, token)
    : (): boolean => true;
  return world.deployTokens.filter((token) => token.project === project && wanted(token));
}

function isActive(world: World, token: DeployToken): boolean {
  return !token.revoked && !isExpired(token, world.now());
}

function found(call: Call): DeployToken {
  const token = ofProject(call).find(({ id }) => id === call.parameters.integer('token_id'));
  if (!token) throw noRecord();
  return token;
}

export const deployTokenRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/projects/:id/deploy_tokens',
    login: true,
    handle: (call) => paginated(call, ofProject(call), (token) => show(call.world, token)),
  },
  {
    method: 'GET',
    path: '/projects/:id/deploy_tokens/:token_id',
    login: true,
    rules: [integer('token_id')],
    handle: (call) => json(200, show(call.world, found(call))),
  },
  {
    method: 'POST',
    path: '/projects/:id/deploy_tokens',
    login: true,
    rules: [required('name'), required('scopes')],
    handle: (call) => {
      const { project, parameters, world } = call;
      call.demand(project, 'maintainer');
      const username = parameters.present('username');
      const token = project.createDeployToken({
        name: parameters.text('name')!,
        scopes: parameters.list('scopes') as DeployScope[],
        expiresAt: parameters.present('expires_at') ?? null,
        ...(username === undefined ? {} : { username }),
      });
      return json(201, { ...show(world, token), token: token.value });
    },
  },
  {
    method: 'DELETE',
    path: '/projects/:id/deploy_tokens/:token_id',
    login: true,
    rules: [integer('token_id')],
    handle: (call) => {
      found(call).revoked = true;
      return { status: 204, headers: {}, body: '' };
    },
  },
];
