/** Everything that the stand-in knows, in memory; the repositories are real and on disk. */
import { randomBytes } from 'node:crypto';
import type { AccessToken } from './access-token.ts';
import { type LimitOptions, Limits } from './limits.ts';
import type { Project } from './project.ts';
import type { DeployToken, JobToken } from './project-credentials.ts';
import { User, type UserOptions } from './user.ts';
import type { Version } from './version.ts';

export interface RefUpdate {
  /** Zeros where the ref did not exist. */
  before: string;
  /** Zeros where it was deleted. */
  after: string;
  ref: string;
}

export interface Push {
  project: Project;
  user: User;
  updates: readonly RefUpdate[];
}

export class World {
  readonly version: Version;
  readonly now: () => Date;
  /** Where the repositories are. */
  readonly directory: string;
  readonly hooks: string;
  /** The `git-http-backend` program. */
  readonly httpBackend: string;
  /** What still runs: programs that serve requests, and what follows a push. */
  readonly running = new Set<Promise<void>>();
  /** `https://127.0.0.1:PORT`, known once the server listens. */
  url = '';
  readonly users: User[] = [];
  readonly projects: Project[] = [];
  readonly tokens: AccessToken[] = [];
  readonly deployTokens: DeployToken[] = [];
  readonly jobTokens: JobToken[] = [];
  /** What the agent server shares with GitLab, base64. */
  readonly kasSecret = randomBytes(32).toString('base64');
  /** Roles in groups: by path, then by number of the user. */
  readonly groupMembers = new Map<string, Map<number, number>>();
  /** What the agent server has told of its usage. */
  readonly usage: { counters: Record<string, number> }[] = [];
  /** What the agent server has told of agents' configurations, oldest first. */
  readonly agentConfigurations: { agent_id: number; agent_config: object }[] = [];
  /** Paths that projects had before they were renamed. */
  readonly oldPaths = new Map<string, Project>();
  /** Told of every push, by git or by API, after the refs have moved. */
  readonly pushListeners: ((push: Push) => void)[] = [];
  readonly limits: Limits;
  readonly root: User;
  readonly startedAt: Date;
  readonly #ending = new AbortController();
  readonly #namespaces: string[] = [];
  readonly #ids = new Map<string, number>();

  constructor(options: {
    version: Version;
    now: () => Date;
    directory: string;
    hooks: string;
    httpBackend: string;
    limits: LimitOptions;
  }) {
    this.version = options.version;
    this.now = options.now;
    this.limits = new Limits(this, options.limits);
    this.startedAt = options.now();
    this.directory = options.directory;
    this.hooks = options.hooks;
    this.httpBackend = options.httpBackend;
    this.root = this.addUser('root', { name: 'Administrator', admin: true });
  }

  /** Numbers from 1, for each kind of thing its own. */
  nextId(kind: string): number {
    const id = (this.#ids.get(kind) ?? 0) + 1;
    this.#ids.set(kind, id);
    return id;
  }

  namespaceId(path: string): number {
    if (!this.#namespaces.includes(path)) this.#namespaces.push(path);
    return this.#namespaces.indexOf(path) + 1;
  }

  /** What the agent server has said last of an agent's configuration. */
  configurationOf(agentId: number): object {
    return this.agentConfigurations.findLast(({ agent_id: id }) => id === agentId)?.agent_config ?? {};
  }

  /** The highest role in a group above a project; 0 for none. */
  groupLevel(projectPath: string, userId: number): number {
    return Math.max(0, ...groupsOf(projectPath).map((path) => this.groupMembers.get(path)?.get(userId) ?? 0));
  }

  addUser(username: string, options: UserOptions = {}): User {
    if (this.users.some((user) => user.username === username)) throw new Error(`${username} exists`);
    const user = new User(this, username, options);
    this.users.push(user);
    return user;
  }

  userNamed(username: string): User {
    const user = this.users.find((candidate) => candidate.username === username);
    if (!user) throw new Error(`no user ${username}`);
    return user;
  }

  addBot(username: string, name: string): User {
    const bot = new User(this, username, { name, bot: true });
    this.users.push(bot);
    return bot;
  }

  addToken(token: AccessToken): AccessToken {
    this.tokens.push(token);
    return token;
  }

  /** By its path of now. */
  projectAt(path: string): Project | undefined {
    return this.projects.find((project) => project.path === path);
  }

  /** Aborts what waits for others. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** Resolves when nothing runs any more. */
  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await this.settled();
  }

  /** Work that nobody waits for now; the end of the stand-in does. */
  run(work: Promise<void>): void {
    const watched = work.finally(() => this.running.delete(watched));
    this.running.add(watched);
  }

  pushed(push: Push): void {
    if (push.updates.length > 0) for (const listener of this.pushListeners) listener(push);
  }
}

/** The groups above a project, from the top. */
export function groupsOf(projectPath: string): string[] {
  const parts = projectPath.split('/').slice(0, -1);
  return parts.map((_part, index) => parts.slice(0, index + 1).join('/'));
}
