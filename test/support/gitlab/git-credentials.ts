/** Who comes to git over HTTP, and what their credentials allow. Every user name but the special ones is as good. */
import { isExpired } from './access-token.ts';
import { mayReadCode, maySee } from './permissions.ts';
import type { Project } from './project.ts';
import type { User } from './user.ts';
import type { World } from './world.ts';

export interface GitCaller {
  /** Undefined for a deploy token, and for nobody in particular. */
  user: User | undefined;
  /** What the credential itself allows, whatever the role of its user. */
  fetch: boolean;
  push: boolean;
  /** The project of a deploy or job token, which opens others only as said there. */
  deployTokenOf?: Project;
  jobOf?: Project;
}

const NOBODY: GitCaller = { user: undefined, fetch: true, push: false };

/** Undefined where credentials are given and are wrong. They are judged before anonymous access is thought of. */
export function gitCaller(
  world: World,
  authorization: string | undefined,
  project: Project | undefined,
): GitCaller | undefined {
  if (authorization === undefined) return NOBODY;
  const [, encoded] = /^Basic\s+(\S+)$/i.exec(authorization) ?? [];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon < 1) return undefined;
  const [username, password] = [pair.slice(0, colon), pair.slice(colon + 1)];
  if (username === 'gitlab-ci-token') return jobCaller(world, password);
  return accessTokenCaller(world, password, project) ?? deployCaller(world, username, password);
}

function jobCaller(world: World, password: string): GitCaller | undefined {
  const job = world.jobTokens.find(({ value, running }) => running && value === password);
  return job && { user: job.user, fetch: true, push: true, jobOf: job.project };
}

function accessTokenCaller(
  world: World,
  password: string,
  project: Project | undefined,
): GitCaller | undefined {
  const token = world.tokens.find(({ value }) => value === password);
  if (!token || token.revoked || token.user.blocked || isExpired(token, world.now())) return undefined;
  const has = (...scopes: string[]): boolean => token.scopes.some((scope) => scopes.includes(scope));
  const push = has('api', 'write_repository');
  const fetch = push || has('read_repository');
  if (!fetch) return undefined;
  // A bot that may not read this very project is not let in at all.
  if (token.user.bot && project && !(maySee(project, token.user) && mayReadCode(project, token.user)))
    return undefined;
  token.lastUsedAt = world.now();
  return { user: token.user, fetch, push };
}

function deployCaller(world: World, username: string, password: string): GitCaller | undefined {
  const token = world.deployTokens.find(
    (candidate) => candidate.value === password && candidate.username === username,
  );
  if (!token || token.revoked || isExpired(token, world.now())) return undefined;
  const fetch = token.scopes.includes('read_repository');
  return { user: undefined, fetch, push: false, deployTokenOf: token.project };
}
