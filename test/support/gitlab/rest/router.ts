/** The routes of the REST API, matched on the path as it was sent: `%2F` is part of a segment. */
import type { IncomingMessage } from 'node:http';
import type { Scope } from '../access-token.ts';
import type { Answer } from '../answer.ts';
import type { World } from '../world.ts';
import { ApiError, grapeError, unauthorized } from './api-error.ts';
import { Call } from './call.ts';
import { apiCaller } from './credentials.ts';
import { check, type Rule, readParameters } from './parameters.ts';

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api/v4`: `/projects/:id/statuses/:sha`. */
  path: string;
  /** Whether the token of a job is looked at. */
  jobs?: boolean;
  /** Nobody comes here without a login. */
  login?: boolean;
  /** Scopes that suffice besides `api`, and `read_api` for reading; `any` for each that there is. */
  scopes?: readonly Scope[] | 'any';
  rules?: readonly Rule[];
  handle: (call: Call) => Answer | Promise<Answer>;
}

const BASE = '/api/v4';

export async function answerRest(
  world: World,
  routes: readonly Route[],
  request: IncomingMessage,
): Promise<Answer> {
  const [path = '', search = ''] = request.url!.split(/\?(.*)/s);
  try {
    if (/^\/api\/v3(\/|$)/.test(path))
      throw grapeError(410, 'API V3 is no longer supported. Use API V4 instead.');
    const { route, captured } = find(routes, request.method!, path);
    const query = new URLSearchParams(search);
    const scopes = scopesOf(route);
    const caller = apiCaller(world, request, query, { scopes, jobs: route.jobs ?? false });
    if (route.login && !caller.user) throw unauthorized();
    const parameters = await readParameters(request, query, captured);
    check(parameters, route.rules ?? []);
    const call = new Call({ world, request, path, query, parameters, caller });
    const answer = await route.handle(call);
    // Everything is JSON but raw files, and so are answers without a body.
    return { ...answer, headers: { vary: 'Origin', ...answer.headers } };
  } catch (error) {
    if (error instanceof ApiError) return error.answer;
    if (error instanceof URIError) return grapeError(400, 'Bad Request').answer;
    throw error;
  }
}

function find(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; captured: Record<string, string> } {
  const segments = path.slice(BASE.length).replace(/\/$/, '').split('/');
  const wanted = method === 'HEAD' ? 'GET' : method;
  const others: string[] = [];
  if (path.startsWith(`${BASE}/`)) {
    for (const route of routes) {
      const captured = match(route.path.split('/'), segments);
      if (captured && route.method === wanted) return { route, captured };
      if (captured) others.push(route.method);
    }
  }
  if (others.length === 0) throw grapeError(404, '404 Not Found');
  throw grapeError(405, '405 Not Allowed', { allow: others.join(', ') });
}

function match(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const captured: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index]!;
    if (segment.includes('%00')) throw new URIError(segment);
    if (part.startsWith(':') && segment !== '') captured[part.slice(1)] = decodeURIComponent(segment);
    else if (part !== segment) return undefined;
  }
  return captured;
}

function scopesOf({ scopes = [], method }: Route): readonly Scope[] | undefined {
  if (scopes === 'any') return undefined;
  return method === 'GET' ? ['api', 'read_api', ...scopes] : ['api', ...scopes];
}
