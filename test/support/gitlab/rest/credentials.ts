/** Who comes to REST and GraphQL. A credential that a route does not know is not looked at at all. */
import type { IncomingMessage } from 'node:http';
import { type AccessToken, isExpired, type Scope } from '../access-token.ts';
import type { JobToken } from '../project-credentials.ts';
import type { User } from '../user.ts';
import type { World } from '../world.ts';
import { insufficientScope, invalidToken, unauthorized } from './api-error.ts';

export interface Caller {
  user: User | undefined;
  token?: AccessToken;
  job?: JobToken;
}

/**
 * The caller; nobody in particular (`user` undefined) where no credential was sent that counts here. Throws what the
 * API answers to wrong, expired, revoked or too narrow ones. `scopes` are those that suffice, undefined: any.
 */
export function apiCaller(
  world: World,
  request: IncomingMessage,
  query: URLSearchParams,
  { scopes, jobs }: { scopes: readonly Scope[] | undefined; jobs: boolean },
): Caller {
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const header = request.headers['private-token'] as string | undefined;
  const personal = header ?? query.get('private_token') ?? undefined;
  const value =
    bearer ??
    (personal?.startsWith('glcbt-') ? undefined : personal) ??
    query.get('access_token') ??
    undefined;
  const job = jobs ? jobCaller(world, request, query, bearer) : undefined;
  if (job) return job;
  if (value === undefined || (bearer?.startsWith('glcbt-') && !jobs)) return { user: undefined };
  return tokenCaller(world, value, scopes);
}

function jobCaller(
  world: World,
  request: IncomingMessage,
  query: URLSearchParams,
  bearer: string | undefined,
): Caller | undefined {
  const header = request.headers['job-token'] as string | undefined;
  const value =
    header ?? query.get('job_token') ?? (bearer?.startsWith('glcbt-') ? bearer : undefined) ?? undefined;
  if (value === undefined) return undefined;
  const job = world.jobTokens.find((candidate) => candidate.running && candidate.value === value);
  if (!job) throw unauthorized();
  return { user: job.user, job };
}

function tokenCaller(world: World, value: string, scopes: readonly Scope[] | undefined): Caller {
  const token = world.tokens.find((candidate) => candidate.value === value);
  if (!token) throw unauthorized();
  if (token.revoked) throw invalidToken('Token was revoked. You have to re-authorize from the user.');
  if (isExpired(token, world.now()))
    throw invalidToken('Token is expired. You can either do re-authorization or token refresh.');
  if (scopes && !token.scopes.some((scope) => scopes.includes(scope))) throw insufficientScope(scopes);
  if (token.user.blocked) throw unauthorized();
  token.lastUsedAt = world.now();
  return { user: token.user, token };
}
