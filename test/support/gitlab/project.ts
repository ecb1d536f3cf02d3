import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AccessToken, newProjectToken, type TokenOptions } from './access-token.ts';
import type { Agent } from './agents.ts';
import { type Person, RefMoved, writeCommit } from './commit-writer.ts';
import type { Deployment, Environment } from './deliveries.ts';
import { type FileContent, treeChange } from './file-content.ts';
import { git, gitAnswer, gitText } from './git-process.ts';
import { type MergeRequest, type MergeRequestOptions, openMergeRequest } from './merge-requests.ts';
import type { CommitStatus, Pipeline } from './pipelines.ts';
import {
  type DeployToken,
  type DeployTokenOptions,
  type JobToken,
  newDeployToken,
  newJobToken,
} from './project-credentials.ts';
import type { ProtectedBranch } from './protected-branches.ts';
import { ROLES, type Role, type Visibility } from './roles.ts';
import type { User } from './user.ts';
import { newWebhook, type Webhook, type WebhookOptions } from './webhooks.ts';
import type { World } from './world.ts';

export interface ProjectOptions {
  visibility?: Visibility;
  description?: string;
  /** `main` where not said. It is protected as GitLab does it: maintainers push, nobody forces. */
  defaultBranch?: string;
  /** No protection of the default branch. */
  unprotected?: boolean;
  members?: Readonly<Record<string, Role>>;
}

export interface CommitOptions {
  /** The default branch where not said; made if it does not exist. */
  branch?: string;
  message?: string;
  /** Who pushes it and is author and committer; the administrator where not said. */
  user?: User;
  /** For a new branch: the branch or commit that it begins at. Nothing: a branch without history. */
  from?: string;
}

const ZERO = '0'.repeat(40);
const FULL_SHA = /^[0-9a-f]{40}$/;

/** A project with its repository. The methods do what a test wants to have happened, without asking for rights. */
export class Project {
  readonly id: number;
  /** The full path, `group/sub/project`. `rename` changes it. */
  path: string;
  readonly description: string;
  visibility: Visibility;
  readonly defaultBranch: string;
  readonly createdAt: Date;
  /** By the id of the user, the access level. */
  readonly members = new Map<number, number>();
  readonly protectedBranches: ProtectedBranch[] = [];
  archived = false;
  /** Whether a job's token may push to the job's own project. */
  jobTokenPush = false;
  /** Projects whose jobs may come here, besides this one's own. */
  readonly jobTokenProjects = new Set<Project>();
  /** Makes every push fail in the pre-receive hook, with this text. */
  pushRule: string | undefined;
  readonly pipelines: Pipeline[] = [];
  readonly statuses: CommitStatus[] = [];
  readonly environments: Environment[] = [];
  readonly deployments: Deployment[] = [];
  readonly agents: Agent[] = [];
  readonly mergeRequests: MergeRequest[] = [];
  /** When large files were read, by blob: milliseconds. */
  readonly largeReads = new Map<string, number[]>();
  readonly webhooks: Webhook[] = [];
  readonly #world: World;
  /** Full SHAs that were found: nothing is ever pruned. */
  readonly #commits = new Set<string>();

  private constructor(world: World, path: string, options: ProjectOptions) {
    this.#world = world;
    this.id = world.nextId('project');
    this.path = path;
    this.description = options.description ?? '';
    this.visibility = options.visibility ?? 'private';
    this.defaultBranch = options.defaultBranch ?? 'main';
    this.createdAt = world.now();
    for (const [username, role] of Object.entries(options.members ?? {})) this.addMember(username, role);
    if (!options.unprotected) this.protect(this.defaultBranch);
  }

  static async create(world: World, path: string, options: ProjectOptions): Promise<Project> {
    if (!/^[\w.-]+(\/[\w.-]+)+$/.test(path)) throw new Error(`${path}: wanted group/project`);
    if (world.projectAt(path)) throw new Error(`${path} exists`);
    const project = new Project(world, path, options);
    world.oldPaths.delete(path);
    await git(['init', '--quiet', '--bare', `--initial-branch=${project.defaultBranch}`, project.directory], {
      cwd: world.directory,
    });
    world.projects.push(project);
    return project;
  }

  /** The last part of the path; projects of the stand-in are called as they are addressed. */
  get name(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1);
  }

  /** The bare repository on disk. */
  get directory(): string {
    return join(this.#world.directory, `${this.id}.git`);
  }

  /** What people clone. */
  get url(): string {
    return `${this.#world.url}/${this.path}.git`;
  }

  get webUrl(): string {
    return `${this.#world.url}/${this.path}`;
  }

  addMember(username: string, role: Role): void {
    this.members.set(this.#world.userNamed(username).id, ROLES[role]);
  }

  protect(name: string, rule: Partial<Omit<ProtectedBranch, 'name'>> = {}): void {
    this.unprotect(name);
    this.protectedBranches.push({
      name,
      push: 'maintainer',
      merge: 'maintainer',
      allowForcePush: false,
      ...rule,
    });
  }

  unprotect(name: string): void {
    const at = this.protectedBranches.findIndex((rule) => rule.name === name);
    if (at >= 0) this.protectedBranches.splice(at, 1);
  }

  /** Moves the project; the old path goes on as a redirect until another project takes it. */
  rename(path: string): void {
    if (this.#world.projectAt(path)) throw new Error(`${path} exists`);
    this.#world.oldPaths.set(this.path, this);
    this.#world.oldPaths.delete(path);
    this.path = path;
  }

  /** As if it had never been, for everybody. */
  async remove(): Promise<void> {
    this.#world.projects.splice(this.#world.projects.indexOf(this), 1);
    for (const [path, project] of this.#world.oldPaths)
      if (project === this) this.#world.oldPaths.delete(path);
    await this.#world.settled();
    await rm(this.directory, { recursive: true });
  }

  createToken(options: TokenOptions & { role?: Role } = {}): AccessToken {
    return newProjectToken(this.#world, this, options);
  }

  createDeployToken(options: DeployTokenOptions = {}): DeployToken {
    const token = newDeployToken(this.#world, this, options);
    this.#world.deployTokens.push(token);
    return token;
  }

  /** The token of a job that `user` started, the administrator where not said. */
  /** The role of somebody, with what comes from the groups above, as a number; 0 for none. */
  levelOf(userId: number): number {
    return Math.max(this.members.get(userId) ?? 0, this.#world.groupLevel(this.path, userId));
  }

  createJobToken(user: User = this.#world.root): JobToken {
    const token = newJobToken(this.#world, this, user);
    this.#world.jobTokens.push(token);
    return token;
  }

  /** Commits and tells the webhooks, as a push would. Returns the new commit's SHA. */
  async commit(files: Readonly<Record<string, FileContent>>, options: CommitOptions = {}): Promise<string> {
    const {
      branch = this.defaultBranch,
      message = 'Change manifests',
      user = this.#world.root,
      from,
    } = options;
    const changes = Object.entries(files).map(([path, content]) => treeChange(path, content));
    for (;;) {
      const tip = await this.head(branch);
      const parent = tip ?? (from === undefined ? undefined : await this.resolve(from));
      if (from !== undefined && parent === undefined) throw new Error(`${this.path} has no ${from}`);
      const person: Person = user;
      const plan = { parent, changes, message, author: person, committer: person, date: this.#world.now() };
      try {
        const sha = await writeCommit(this.directory, branch, tip, plan);
        this.#tell(user, `refs/heads/${branch}`, tip, sha);
        return sha;
      } catch (error) {
        // Somebody pushed meanwhile: on top of that, then.
        if (!(error instanceof RefMoved)) throw error;
      }
    }
  }

  /** The SHA that a branch points to, undefined where there is none. */
  async head(branch = this.defaultBranch): Promise<string | undefined> {
    return this.#looseHead(branch) ?? (await this.#parse(`refs/heads/${branch}`));
  }

  /** Read as git would, without a process for it: most of what a request costs here are processes. */
  #looseHead(branch: string): string | undefined {
    try {
      return FULL_SHA.exec(readFileSync(join(this.directory, 'refs', 'heads', branch), 'utf8').trim())?.[0];
    } catch {
      return undefined;
    }
  }

  /** The commit that a branch, tag or SHA (also a short one) names. */
  async resolve(revision: string): Promise<string | undefined> {
    if (revision === '' || revision.startsWith('-')) return undefined;
    if (this.#commits.has(revision)) return revision;
    const commit = await this.#parse(`${revision}^{commit}`);
    if (commit === revision) this.#commits.add(revision);
    return commit;
  }

  async #parse(expression: string): Promise<string | undefined> {
    const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', expression];
    return await gitAnswer(args, { cwd: this.directory });
  }

  /** Points a branch at a commit, also back: a forced push. Undefined deletes it. */
  async setBranch(branch: string, sha: string | undefined, user: User = this.#world.root): Promise<void> {
    const ref = `refs/heads/${branch}`;
    const before = await this.head(branch);
    await this.#updateRef(ref, sha);
    this.#tell(user, ref, before, sha);
  }

  /** A tag; with a message an annotated one. Returns the object that the tag points to. */
  async createTag(
    name: string,
    revision: string,
    message?: string,
    user = this.#world.root,
  ): Promise<string> {
    const commit = await this.resolve(revision);
    if (commit === undefined) throw new Error(`${this.path} has no ${revision}`);
    const seconds = Math.floor(this.#world.now().getTime() / 1000);
    const target =
      message === undefined
        ? commit
        : (
            await gitText(['mktag'], {
              cwd: this.directory,
              input: `object ${commit}\ntype commit\ntag ${name}\ntagger ${user.name} <${user.email}> ${seconds} +0000\n\n${message}\n`,
            })
          ).trim();
    await this.#updateRef(`refs/tags/${name}`, target);
    this.#tell(user, `refs/tags/${name}`, undefined, target);
    return target;
  }

  addWebhook(url: string, options: WebhookOptions = {}): Webhook {
    const hook = newWebhook(this.#world, url, options);
    this.webhooks.push(hook);
    return hook;
  }

  async openMergeRequest(options: MergeRequestOptions): Promise<MergeRequest> {
    return await openMergeRequest(this.#world, this, options);
  }

  /** A copy of the repository as it is now, in another place, with the same visibility. */
  async fork(path: string, options: ProjectOptions = {}): Promise<Project> {
    const { visibility, defaultBranch } = this;
    const fork = await Project.create(this.#world, path, { visibility, defaultBranch, ...options });
    await git(
      ['fetch', '--quiet', this.directory, '+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'],
      {
        cwd: fork.directory,
      },
    );
    return fork;
  }

  /** A pipeline of `.gitlab-ci.yml`, with the names of its jobs. */
  addPipeline(sha: string, ref: string, jobs: readonly string[]): Pipeline {
    const id = this.#world.nextId('pipeline');
    const iid = this.pipelines.length + 1;
    const pipeline: Pipeline = { id, iid, sha, ref, source: 'push', createdAt: this.#world.now(), jobs };
    this.pipelines.push(pipeline);
    return pipeline;
  }

  async #updateRef(ref: string, sha: string | undefined): Promise<void> {
    const args = sha === undefined ? ['-d', ref] : [ref, sha];
    await git(['update-ref', ...args], { cwd: this.directory });
  }

  #tell(user: User, ref: string, before: string | undefined, after: string | undefined): void {
    this.#world.pushed({
      project: this,
      user,
      updates: [{ before: before ?? ZERO, after: after ?? ZERO, ref }],
    });
  }
}
