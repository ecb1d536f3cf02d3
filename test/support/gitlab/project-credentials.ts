/** Credentials that belong to a project and are no access tokens: deploy tokens and the tokens of CI jobs. */
import { randomBytes } from 'node:crypto';
import { secret } from './access-token.ts';
import type { Project } from './project.ts';
import type { User } from './user.ts';
import type { World } from './world.ts';

export type DeployScope = 'read_repository' | 'read_registry' | 'write_registry' | 'read_package_registry';

export interface DeployTokenOptions {
  name?: string;
  /** `gitlab+deploy-token-N` where none is said. */
  username?: string;
  scopes?: readonly DeployScope[];
  expiresAt?: string | null;
}

export interface DeployToken {
  id: number;
  name: string;
  username: string;
  value: string;
  scopes: readonly DeployScope[];
  project: Project;
  expiresAt: string | null;
  revoked: boolean;
}

export function newDeployToken(world: World, project: Project, options: DeployTokenOptions): DeployToken {
  const id = world.nextId('deploy token');
  return {
    id,
    name: options.name ?? 'deploy token',
    username: options.username ?? `gitlab+deploy-token-${id}`,
    value: secret('gldt-'),
    scopes: options.scopes ?? ['read_repository'],
    project,
    expiresAt: options.expiresAt ?? null,
    revoked: false,
  };
}

/** The token of a running job; it dies with the job. */
export interface JobToken {
  value: string;
  jobId: number;
  pipelineId: number;
  /** What the job deploys to. */
  environment?: { slug: string; tier: string };
  project: Project;
  /** Who started the pipeline: the job may do no more than they. */
  user: User;
  running: boolean;
}

/** JWTs from 19.0, opaque before. */
export function newJobToken(world: World, project: Project, user: User): JobToken {
  const jobId = world.nextId('job');
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const jwt = `${part({ alg: 'RS256' })}.${part({ jti: jobId })}.${randomBytes(256).toString('base64url')}`;
  const value = world.version.atLeast('19.0') ? `glcbt-${jwt}` : secret('glcbt-64_');
  return { value, jobId, pipelineId: world.nextId('pipeline'), project, user, running: true };
}
