import { type AccessToken, newAccessToken, type TokenOptions } from './access-token.ts';
import type { World } from './world.ts';

/** An account: a person, or the bot that a project access token writes as. */
export class User {
  readonly id: number;
  readonly username: string;
  readonly name: string;
  readonly email: string;
  readonly bot: boolean;
  readonly admin: boolean;
  /** A blocked account's credentials open nothing. */
  blocked = false;
  readonly #world: World;

  constructor(world: World, username: string, options: UserOptions & { bot?: boolean } = {}) {
    this.#world = world;
    this.id = world.nextId('user');
    this.username = username;
    this.name = options.name ?? username;
    this.email = `${username}@example.com`;
    this.bot = options.bot ?? false;
    this.admin = options.admin ?? false;
  }

  /** A personal access token; scope `api` where none is said. */
  createToken(options: TokenOptions = {}): AccessToken {
    return this.#world.addToken(newAccessToken(this.#world, this, 'personal', options));
  }

  /** An OAuth token: for git its username is `oauth2`, and it is no personal access token. */
  createOAuthToken(options: TokenOptions = {}): AccessToken {
    return this.#world.addToken(newAccessToken(this.#world, this, 'oauth', options));
  }
}

export interface UserOptions {
  name?: string;
  /** Administrators are owners of everything. */
  admin?: boolean;
}
