/** Project access tokens: list, make, rotate, revoke. */
import { type AccessToken, isExpired, newProjectToken, type Scope, secret } from '../access-token.ts';
import { json } from '../answer.ts';
import type { Project } from '../project.ts';
import { ROLES, type Role } from '../roles.ts';
import type { World } from '../world.ts';
import { badRequest, noRecord, unauthorized } from './api-error.ts';
import type { Call } from './call.ts';
import { databaseTime } from './entities.ts';
import { integer, oneOf, required, requiredPresent } from './parameters.ts';
import type { Route } from './router.ts';

export function accessTokenBody(world: World, token: AccessToken): Record<string, unknown> {
  return {
    id: token.id,
    name: token.name,
    description: token.description,
    scopes: token.scopes,
    revoked: token.revoked,
    active: !token.revoked && !isExpired(token, world.now()),
    user_id: token.user.id,
    created_at: databaseTime(token.createdAt),
    last_used_at: token.lastUsedAt && databaseTime(token.lastUsedAt),
    expires_at: token.expiresAt,
  };
}

function projectTokenBody(world: World, token: AccessToken): Record<string, unknown> {
  const newer = world.version.atLeast('19.0')
    ? { granular: false, resource_type: 'project', resource_id: token.project!.id }
    : {};
  return { ...accessTokenBody(world, token), access_level: token.accessLevel, ...newer };
}

/** The project, for a maintainer with a token that may manage tokens. */
function managed(call: Call): Project {
  const { project } = call;
  if (call.level(project) < ROLES.maintainer) throw unauthorized();
  return project;
}

function tokenOf(call: Call, project: Project): AccessToken {
  const given = call.parameters.text('token_id')!;
  if (given === 'self') {
    if (call.caller.token?.project !== project) throw noRecord();
    return call.caller.token;
  }
  const token = call.world.tokens.find((one) => one.project === project && one.id === Number(given));
  if (!token) throw noRecord();
  return token;
}

const DAY_MS = 24 * 3600 * 1000;

/** Tokens must end since 16.0; in a year, where nothing is said. */
function endOf(call: Call, life = 365 * DAY_MS): string | null {
  const given = call.parameters.present('expires_at');
  if (!given && !call.world.version.atLeast('16.0')) return null;
  return given ?? new Date(call.world.now().getTime() + life).toISOString().slice(0, 10);
}

export const accessTokenRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/projects/:id/access_tokens',
    login: true,
    rules: [oneOf('state', ['active', 'inactive'])],
    handle: (call) => {
      const { world } = call;
      const project = managed(call);
      const all = world.tokens
        .filter((token) => token.project === project)
        .map((token) => projectTokenBody(world, token));
      const state = call.parameters.text('state');
      const wanted = state === undefined ? all : all.filter(({ active }) => active === (state === 'active'));
      return json(200, wanted);
    },
  },
  {
    method: 'GET',
    path: '/projects/:id/access_tokens/:token_id',
    login: true,
    scopes: ['self_rotate'],
    handle: (call) => {
      const project = call.parameters.text('token_id') === 'self' ? call.project : managed(call);
      return json(200, projectTokenBody(call.world, tokenOf(call, project)));
    },
  },
  {
    method: 'POST',
    path: '/projects/:id/access_tokens',
    login: true,
    rules: [required('name'), requiredPresent('scopes'), integer('access_level')],
    handle: (call) => {
      const { parameters, world } = call;
      const project = managed(call);
      if (call.user.bot) throw badRequest('User does not have permission to create project access token');
      const level = parameters.integer('access_level') ?? ROLES.maintainer;
      const role = (Object.keys(ROLES) as Role[]).find((name) => ROLES[name] === level);
      if (!role || level > call.level(project))
        throw badRequest(
          "Access level of the token can't be greater than the access level of the user who created the token",
        );
      const scopes = parameters.list('scopes') as Scope[];
      const expiresAt = endOf(call);
      const token = newProjectToken(world, project, {
        name: parameters.text('name')!,
        description: parameters.text('description') ?? null,
        scopes,
        expiresAt,
        role,
      });
      return json(201, { ...projectTokenBody(world, token), token: token.value });
    },
  },
  {
    method: 'POST',
    path: '/projects/:id/access_tokens/:token_id/rotate',
    login: true,
    scopes: ['self_rotate'],
    handle: (call) => {
      const { world } = call;
      const project = call.parameters.text('token_id') === 'self' ? call.project : managed(call);
      const old = tokenOf(call, project);
      if (old.revoked) {
        revokeFamily(old);
        throw badRequest('token already revoked');
      }
      old.revoked = true;
      const next: AccessToken = {
        ...old,
        id: world.nextId('token'),
        value: secret('glpat-'),
        revoked: false,
        createdAt: world.now(),
        lastUsedAt: null,
        expiresAt: endOf(call, 7 * DAY_MS),
      };
      old.successor = next;
      world.addToken(next);
      return json(200, { ...projectTokenBody(world, next), token: next.value });
    },
  },
  {
    method: 'DELETE',
    path: '/projects/:id/access_tokens/:token_id',
    login: true,
    handle: (call) => {
      tokenOf(call, managed(call)).revoked = true;
      return { status: 204, headers: {}, body: '' };
    },
  },
];

function revokeFamily(token: AccessToken): void {
  for (let one: AccessToken | undefined = token; one; one = one.successor) one.revoked = true;
}
