/** Merge requests and their notes. The head is a real ref, `refs/merge-requests/N/head`, in the target's repository. */
import { git, gitAnswer, gitText } from './git-process.ts';
import type { Project } from './project.ts';
import type { User } from './user.ts';
import type { Push, World } from './world.ts';

export interface MergeRequest {
  id: number;
  iid: number;
  /** Where it wants to, and where it lives. */
  target: Project;
  source: Project;
  targetBranch: string;
  sourceBranch: string;
  title: string;
  description: string;
  state: 'opened' | 'closed' | 'locked' | 'merged';
  author: User;
  createdAt: Date;
  updatedAt: Date;
  /** The head; it stays when the source branch goes. */
  sha: string;
  removeSourceBranch: boolean;
  mergedAt: Date | null;
  mergedBy: User | null;
  closedAt: Date | null;
  closedBy: User | null;
  mergeCommit: string | null;
  notes: Note[];
  /** Quick actions that notes asked for and that were carried out, `/close`. */
  quickActions: string[];
}

export interface Note {
  id: number;
  body: string;
  author: User;
  system: boolean;
  internal: boolean;
  createdAt: Date;
  updatedAt: Date;
}

export interface MergeRequestOptions {
  source?: Project;
  sourceBranch: string;
  targetBranch?: string;
  title?: string;
  description?: string;
  removeSourceBranch?: boolean;
  author?: User;
}

export async function openMergeRequest(
  world: World,
  target: Project,
  options: MergeRequestOptions,
): Promise<MergeRequest> {
  const { source = target, sourceBranch } = options;
  const sha = await source.head(sourceBranch);
  if (sha === undefined) throw new Error(`${source.path} has no branch ${sourceBranch}`);
  const now = world.now();
  const request: MergeRequest = {
    id: world.nextId('merge request'),
    iid: target.mergeRequests.length + 1,
    target,
    source,
    targetBranch: options.targetBranch ?? target.defaultBranch,
    sourceBranch,
    title: options.title ?? sourceBranch,
    description: options.description ?? '',
    state: 'opened',
    author: options.author ?? world.root,
    createdAt: now,
    updatedAt: now,
    sha,
    removeSourceBranch: options.removeSourceBranch ?? false,
    mergedAt: null,
    mergedBy: null,
    closedAt: null,
    closedBy: null,
    mergeCommit: null,
    notes: [],
    quickActions: [],
  };
  target.mergeRequests.push(request);
  await takeHead(request);
  return request;
}

/** After a push: open merge requests of its branches have new heads. */
export function followBranches(world: World, { project, updates }: Push): void {
  for (const { ref, after } of updates) {
    if (!ref.startsWith('refs/heads/') || /^0+$/.test(after)) continue;
    const branch = ref.slice('refs/heads/'.length);
    for (const request of world.projects.flatMap(({ mergeRequests }) => mergeRequests)) {
      if (request.source !== project || request.sourceBranch !== branch || request.state !== 'opened')
        continue;
      request.sha = after;
      request.updatedAt = world.now();
      addNote(world, request, { body: 'added 1 commit', author: request.author, system: true });
      world.run(takeHead(request));
    }
  }
}

/** Heads are taken one after the other, so that the newest is the last. */
const taking = new WeakMap<MergeRequest, Promise<void>>();

function takeHead(request: MergeRequest): Promise<void> {
  const { source, target, iid } = request;
  const taken = (taking.get(request) ?? Promise.resolve()).then(async () => {
    const run = { cwd: target.directory };
    // Pushes may be told in another order than they came; and the branch may be gone again.
    request.sha = (await source.head(request.sourceBranch)) ?? request.sha;
    const { sha } = request;
    if (source !== target)
      await git(['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', source.directory, sha], run);
    await git(['update-ref', `refs/merge-requests/${iid}/head`, sha], run);
  });
  taking.set(request, taken);
  return taken;
}

/** Whether it merges without conflicts. */
export async function mergeable({ target, targetBranch, sha }: MergeRequest): Promise<boolean> {
  const tip = await target.head(targetBranch);
  if (tip === undefined) return false;
  return (await gitAnswer(['merge-tree', '--write-tree', tip, sha], { cwd: target.directory })) !== undefined;
}

/** Merges with a merge commit. Returns its SHA, undefined where there are conflicts. */
export async function merge(world: World, request: MergeRequest, user: User): Promise<string | undefined> {
  const { target, targetBranch, sha } = request;
  const ref = `refs/heads/${targetBranch}`;
  for (;;) {
    const tip = await target.head(targetBranch);
    const run = { cwd: target.directory };
    const tree = tip && (await gitAnswer(['merge-tree', '--write-tree', tip, sha], run));
    if (!tree) return undefined;
    const commit = await mergeCommit(world, request, user, { tree, tip });
    // Nothing where somebody pushed meanwhile: once more, on top of that.
    if ((await gitAnswer(['update-ref', ref, commit, tip], run)) === undefined) continue;
    const now = world.now();
    const merged = { state: 'merged', mergedAt: now, mergedBy: user, mergeCommit: commit, updatedAt: now };
    Object.assign(request, merged);
    world.pushed({ project: target, user, updates: [{ before: tip, after: commit, ref }] });
    if (request.removeSourceBranch) await request.source.setBranch(request.sourceBranch, undefined, user);
    return commit;
  }
}

async function mergeCommit(
  world: World,
  { target, targetBranch, sourceBranch, title, iid, sha }: MergeRequest,
  user: User,
  { tree, tip }: { tree: string; tip: string },
): Promise<string> {
  const message = `Merge branch '${sourceBranch}' into '${targetBranch}'\n\n${title}\n\nSee merge request ${target.path}!${iid}`;
  const date = `${Math.floor(world.now().getTime() / 1000)} +0000`;
  const person = (role: string): Record<string, string> => ({
    [`GIT_${role}_NAME`]: user.name,
    [`GIT_${role}_EMAIL`]: user.email,
    [`GIT_${role}_DATE`]: date,
  });
  const env = { ...person('AUTHOR'), ...person('COMMITTER') };
  const args = ['commit-tree', tree, '-p', tip, '-p', sha, '-m', message];
  return (await gitText(args, { cwd: target.directory, env })).trim();
}

export function addNote(
  world: World,
  request: MergeRequest,
  note: { body: string; author: User; system?: boolean; internal?: boolean },
): Note {
  const now = world.now();
  const added: Note = {
    id: world.nextId('note'),
    system: false,
    internal: false,
    ...note,
    createdAt: now,
    updatedAt: now,
  };
  request.notes.push(added);
  return added;
}
