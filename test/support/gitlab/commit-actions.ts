/**
 * Commits made by API: actions on files on top of a branch, as GitLab checks them and in its order: permission, base,
 * branch, `last_commit_id` of each action, then what git says.
 */
import { fileAt, lastCommitFor, treeOf } from './commit-log.ts';
import { RefMoved, type TreeChange, writeCommit } from './commit-writer.ts';
import { gitAnswer } from './git-process.ts';
import type { Project } from './project.ts';
import type { User } from './user.ts';
import type { World } from './world.ts';

export interface Action {
  action: 'create' | 'update' | 'move' | 'delete' | 'chmod';
  path: string;
  previousPath?: string | undefined;
  content?: Buffer | undefined;
  lastCommitId?: string | undefined;
  executable?: boolean | undefined;
}

export interface ActionsCommit {
  branch: string;
  message: string;
  actions: readonly Action[];
  startBranch?: string | undefined;
  startSha?: string | undefined;
  force?: boolean;
  authorName?: string | undefined;
  authorEmail?: string | undefined;
}

/** Why it was refused, in GitLab's words. */
export class Refused extends Error {
  /** The action whose file changed meanwhile. */
  readonly conflict: boolean;

  constructor(message: string, conflict = false) {
    super(message);
    this.conflict = conflict;
  }
}

const ZERO = '0'.repeat(40);

/** Returns the SHA. Rejects with Refused. */
export async function commitActions(
  world: World,
  project: Project,
  user: User,
  asked: ActionsCommit,
): Promise<string> {
  if (project.pushRule !== undefined) throw new Refused(project.pushRule);
  const tip = await project.head(asked.branch);
  const base = await baseOf(project, asked, tip);
  await checkLastCommits(project, base, asked);
  const changes = await new Changes(project, base).apply(asked.actions);
  const author = { name: asked.authorName ?? user.name, email: asked.authorEmail ?? user.email };
  const plan = { parent: base, changes, message: asked.message, author, committer: user, date: world.now() };
  try {
    const sha = await writeCommit(project.directory, asked.branch, tip, plan);
    world.pushed({
      project,
      user,
      updates: [{ before: tip ?? ZERO, after: sha, ref: `refs/heads/${asked.branch}` }],
    });
    return sha;
  } catch (error) {
    if (!(error instanceof RefMoved)) throw error;
    throw new Refused(`Could not update refs/heads/${asked.branch}. Please refresh and try again.`);
  }
}

/** The commit to build on; undefined in an empty repository. */
async function baseOf(
  project: Project,
  asked: ActionsCommit,
  tip: string | undefined,
): Promise<string | undefined> {
  const { branch, startBranch, startSha, force = false } = asked;
  const based = startSha !== undefined || (startBranch !== undefined && startBranch !== branch);
  if (!based) {
    const empty =
      (await gitAnswer(['for-each-ref', '--count=1', 'refs/heads'], { cwd: project.directory })) === '';
    if (tip === undefined && !empty)
      throw new Refused('You can only create or edit files when you are on a branch');
    if (tip === undefined) await checkName(project, branch);
    return tip;
  }
  if (startSha !== undefined && !/^[0-9a-f]{40}$/.test(startSha))
    throw new Refused(`Invalid start_sha '${startSha}'`);
  const base = startSha === undefined ? await project.head(startBranch) : await project.resolve(startSha);
  if (startSha !== undefined && base === undefined) throw new Refused(`Cannot find start_sha '${startSha}'`);
  if (base === undefined) throw new Refused('You can only create or edit files when you are on a branch');
  if (tip !== undefined && !force)
    throw new Refused(
      `A branch called '${branch}' already exists. Switch to that branch in order to make changes`,
    );
  await checkName(project, branch);
  return base;
}

async function checkName(project: Project, branch: string): Promise<void> {
  const valid = await gitAnswer(['check-ref-format', `refs/heads/${branch}`], { cwd: project.directory });
  if (valid === undefined || branch.startsWith('-'))
    throw new Refused(
      `Something went wrong when we tried to create '${branch}' for you: Branch name is invalid`,
    );
}

async function checkLastCommits(
  project: Project,
  base: string | undefined,
  { actions }: ActionsCommit,
): Promise<void> {
  for (const { action, lastCommitId, path, previousPath } of actions) {
    if (!lastCommitId || !['update', 'move', 'delete'].includes(action)) continue;
    const touched = previousPath ?? path;
    const last = base === undefined ? undefined : await lastCommitFor(project, base, touched);
    if (last !== undefined && last !== lastCommitId)
      throw new Refused(`The file has changed since you started editing it: ${touched}`, true);
  }
}

type Mode = '100644' | '100755' | '120000';
type Held = { object: string; mode: Mode } | { content: Buffer; mode: Mode } | undefined;

/** What the actions, one after the other, make of the files. */
class Changes {
  readonly #project: Project;
  readonly #base: string | undefined;
  readonly #files = new Map<string, Held>();

  constructor(project: Project, base: string | undefined) {
    this.#project = project;
    this.#base = base;
  }

  async apply(actions: readonly Action[]): Promise<TreeChange[]> {
    for (const action of actions) await this.#one(action);
    return [...this.#files].map(([path, held]) =>
      held ? { path, ...held } : { path, remove: true as const },
    );
  }

  async #one({ action, path, previousPath, content, executable }: Action): Promise<void> {
    checkPath(path);
    const source = action === 'move' ? previousPath! : path;
    const before = await this.#held(source);
    if (action !== 'create' && !before) throw new Refused("A file with this name doesn't exist");
    if (action === 'create' || action === 'move') {
      if (await this.#held(path)) throw new Refused('A file with this name already exists');
      if (this.#base && (await treeOf(this.#project, this.#base, path)) && !this.#files.has(path))
        throw new Refused('A directory with this name already exists');
    }
    const mode = executable === undefined ? (before?.mode ?? '100644') : executable ? '100755' : '100644';
    if (action === 'delete') this.#files.set(path, undefined);
    else if (action === 'chmod') this.#files.set(path, { ...before!, mode });
    else {
      if (action === 'move') this.#files.set(source, undefined);
      const kept =
        action === 'move' && content === undefined ? before! : { content: content ?? Buffer.alloc(0) };
      this.#files.set(path, { ...kept, mode });
    }
  }

  async #held(path: string): Promise<Held> {
    if (this.#files.has(path)) return this.#files.get(path);
    const entry = this.#base === undefined ? undefined : await fileAt(this.#project, this.#base, path);
    return entry && { object: entry.id, mode: entry.mode as Mode };
  }
}

function checkPath(path: string): void {
  const parts = path.split('/');
  if (parts.includes('..')) throw new Refused('Path cannot include directory traversal');
  if (path === '' || parts.some((part) => part === '' || part === '.' || part === '.git'))
    throw new Refused('invalid path: invalid_path');
}
