/**
 * A GitLab for tests and the demo: real bare repositories behind real `git http-backend`, and everything else in
 * memory. It behaves as GitLab 18.x does, where this project asks it something.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../../core/kube/certificates.ts';
import { type AgentToken, addAgent, addAgentToken } from './agents.ts';
import type { Fault, FaultOptions, Seen, SetFault } from './faults.ts';
import { gitText } from './git-process.ts';
import { writeHooks } from './hooks.ts';
import type { LimitOptions } from './limits.ts';
import { followBranches } from './merge-requests.ts';
import { Project, type ProjectOptions } from './project.ts';
import { ROLES, type Role } from './roles.ts';
import { Server } from './server.ts';
import type { User, UserOptions } from './user.ts';
import { Version } from './version.ts';
import { tellWebhooks } from './webhooks.ts';
import { World } from './world.ts';

export interface GitLabOptions {
  /** As GitLab prints it; 18.10.0-ee where not said. */
  version?: string;
  /** HTTPS, with an authority of its own: `caFile`. Plain HTTP where not said. */
  tls?: boolean;
  /** What an administrator limits; nothing where not said. */
  limits?: LimitOptions;
  port?: number;
  /** The name that it has for others, at the default port: they come through a proxy that knows `port`. */
  host?: string;
  now?: () => Date;
}

/** One running GitLab. Ending it removes its repositories and ends what still runs. */
export class GitLab implements AsyncDisposable {
  readonly #world: World;
  readonly #server: Server;
  readonly #ending: AsyncDisposableStack;
  /** The certificate of the authority, in PEM, and the file that holds it. Undefined without TLS. */
  readonly ca: string | undefined;
  readonly caFile: string | undefined;

  /** On 127.0.0.1. */
  readonly port: number;

  constructor(
    world: World,
    server: Server,
    ending: AsyncDisposableStack,
    { port, authority }: { port: number; authority: Authority | undefined },
  ) {
    this.port = port;
    this.#world = world;
    this.#server = server;
    this.#ending = ending;
    this.ca = authority?.ca.cert;
    this.caFile = authority?.ca.certFile;
  }

  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  get url(): string {
    return this.#world.url;
  }

  get version(): string {
    return this.#world.version.text;
  }

  /** The newest 10,000 requests, oldest first. */
  get requests(): readonly Seen[] {
    return this.#server.requests;
  }

  /** What an agent server shares with it, base64. */
  get kasSecret(): string {
    return this.#world.kasSecret;
  }

  /** What an agent server has told of its usage. */
  /** The number of a group. */
  namespaceId(path: string): number {
    return this.#world.namespaceId(path);
  }

  /** Makes somebody a member of a group, and so of all that is in it. */
  addGroupMember(path: string, user: User, role: Role): void {
    const members = this.#world.groupMembers.get(path) ?? new Map<number, number>();
    this.#world.groupMembers.set(path, members.set(user.id, ROLES[role]));
  }

  get usage(): readonly { counters: Record<string, number> }[] {
    return this.#world.usage;
  }

  /** What an agent server has told of agents' configurations, oldest first. */
  get agentConfigurations(): { agent_id: number; agent_config: object }[] {
    return this.#world.agentConfigurations;
  }

  /** A new token of an agent, which is made where the project has none of the name. */
  createAgentToken(project: Project, name: string): AgentToken {
    const { root } = this;
    const agent =
      project.agents.find((one) => one.name === name) ?? addAgent(this.#world, project, root, name);
    return addAgentToken(this.#world, agent, root, { name: 'test', description: null });
  }

  /** The administrator, `root`. */
  get root(): User {
    return this.#world.root;
  }

  user(username: string): User {
    return this.#world.userNamed(username);
  }

  createUser(username: string, options: UserOptions = {}): User {
    return this.#world.addUser(username, options);
  }

  /** An empty project: its first commit is the test's. `path` is `group/project`, as deep as wished. */
  async createProject(path: string, options: ProjectOptions = {}): Promise<Project> {
    return await Project.create(this.#world, path, options);
  }

  /** Makes requests go wrong, until it is cleared or has happened so many times. */
  fault(fault: Fault, options: FaultOptions = {}): SetFault {
    return this.#server.faults.add(fault, options);
  }

  /** As `kill -9`: connections are cut, nothing answers any more. What was known is still known after `resume`. */
  async interrupt(): Promise<void> {
    await this.#server.interrupt();
    await this.#world.settled();
  }

  async resume(): Promise<void> {
    await this.#server.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ending.disposeAsync();
  }
}

let found: Promise<string> | undefined;

async function httpBackend(): Promise<string> {
  found ??= gitText(['--exec-path'], { cwd: tmpdir() });
  return join((await found).trim(), 'git-http-backend');
}

/** Starts one on 127.0.0.1, ready when this resolves. */
export async function startGitLab(options: GitLabOptions = {}): Promise<GitLab> {
  const { version = '18.10.0-ee', tls = false, port = 0, limits = {}, now = () => new Date() } = options;
  const { host } = options;
  await using starting = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'gitlab-stand-in-'));
  starting.defer(() => rmSync(directory, { recursive: true, force: true }));
  const authority = tls ? new Authority('GitLab stand-in') : undefined;
  if (authority) starting.defer(() => authority.remove());
  const world = new World({
    version: new Version(version),
    now,
    directory,
    limits,
    hooks: writeHooks(directory),
    httpBackend: await httpBackend(),
  });
  world.pushListeners.push(
    (push) => followBranches(world, push),
    (push) => tellWebhooks(world, push),
  );
  starting.defer(() => world.end());
  const server = starting.use(
    new Server(
      world,
      authority?.issue('gitlab', ['IP:127.0.0.1', 'DNS:localhost', ...(host ? [`DNS:${host}`] : [])]),
    ),
  );
  const listening = await server.listen(port);
  world.url = `${tls ? 'https' : 'http'}://${host ?? `127.0.0.1:${listening}`}`;
  return new GitLab(world, server, starting.move(), { port: listening, authority });
}
