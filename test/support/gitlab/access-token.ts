/** Personal, project and OAuth tokens: a user, scopes, an end. */
import { randomBytes } from 'node:crypto';
import type { Project } from './project.ts';
import { ROLES, type Role } from './roles.ts';
import type { User } from './user.ts';
import type { World } from './world.ts';

export type Scope =
  | 'api'
  | 'read_api'
  | 'read_user'
  | 'read_repository'
  | 'write_repository'
  | 'self_rotate'
  | 'create_runner'
  | 'k8s_proxy';

export interface TokenOptions {
  name?: string;
  description?: string | null;
  scopes?: readonly Scope[];
  /** A plain date, `2027-01-31`: the token ends with the start of that day. */
  expiresAt?: string | null;
}

export interface AccessToken {
  kind: 'personal' | 'project' | 'oauth';
  id: number;
  name: string;
  description: string | null;
  /** The secret itself. */
  value: string;
  scopes: readonly Scope[];
  user: User;
  /** Of a project access token: the only private project that its bot reads. */
  project?: Project;
  accessLevel?: number;
  createdAt: Date;
  lastUsedAt: Date | null;
  expiresAt: string | null;
  revoked: boolean;
  /** Set by rotation: whoever uses the old token to rotate again revokes its successors. */
  successor?: AccessToken;
}

const PREFIX = { personal: 'glpat-', project: 'glpat-', oauth: '' } as const;

export function newAccessToken(
  world: World,
  user: User,
  kind: AccessToken['kind'],
  options: TokenOptions,
): AccessToken {
  const { name = 'token', description = null, scopes = ['api'], expiresAt = null } = options;
  return {
    kind,
    id: world.nextId('token'),
    name,
    description,
    value: secret(PREFIX[kind]),
    scopes,
    user,
    createdAt: world.now(),
    lastUsedAt: null,
    expiresAt,
    revoked: false,
  };
}

/** A token of a project: a bot is made for it, who is a member with that role and of nothing else. */
export function newProjectToken(
  world: World,
  project: Project,
  options: TokenOptions & { role?: Role },
): AccessToken {
  const level = ROLES[options.role ?? 'maintainer'];
  const bot = world.addBot(
    `project_${project.id}_bot_${randomBytes(8).toString('hex')}`,
    options.name ?? 'token',
  );
  project.members.set(bot.id, level);
  const token = newAccessToken(world, bot, 'project', options);
  return world.addToken({ ...token, project, accessLevel: level });
}

export function isExpired(token: { expiresAt: string | null }, now: Date): boolean {
  return token.expiresAt !== null && new Date(token.expiresAt).getTime() <= now.getTime();
}

export function secret(prefix: string): string {
  return `${prefix}${randomBytes(15).toString('base64url')}`;
}
