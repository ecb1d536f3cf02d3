/** The body of push and tag push hooks. */
import { log } from './commit-log.ts';
import { gitText } from './git-process.ts';
import type { Project } from './project.ts';
import { protectionsOf } from './protected-branches.ts';
import type { User } from './user.ts';
import type { RefUpdate } from './world.ts';

const ZERO = '0'.repeat(40);
/** The newest of a push; the count tells of the rest. */
const MOST_COMMITS = 20;

export async function pushPayload(
  project: Project,
  user: User,
  { before, after, ref }: RefUpdate,
): Promise<object> {
  const tag = ref.startsWith('refs/tags/');
  const name = ref.replace(/^refs\/(heads|tags)\//, '');
  const kind = tag ? 'tag_push' : 'push';
  const { commits, total } = tag ? { commits: [], total: 0 } : await newCommits(project, name, before, after);
  const web = project.webUrl;
  const ssh = `git@127.0.0.1:${project.path}.git`;
  const level = { private: 0, internal: 10, public: 20 }[project.visibility];
  return {
    object_kind: kind,
    event_name: kind,
    before,
    after,
    ref,
    ref_protected: !tag && protectionsOf(project.protectedBranches, name).length > 0,
    checkout_sha: after === ZERO ? null : ((await project.resolve(after)) ?? after),
    message: null,
    user_id: user.id,
    user_name: user.name,
    user_username: user.username,
    user_email: '[REDACTED]',
    user_avatar: null,
    project_id: project.id,
    project: {
      id: project.id,
      name: project.name,
      description: project.description,
      web_url: web,
      avatar_url: null,
      git_ssh_url: ssh,
      git_http_url: project.url,
      namespace: project.path.slice(0, project.path.lastIndexOf('/')),
      visibility_level: level,
      path_with_namespace: project.path,
      default_branch: project.defaultBranch,
      ci_config_path: null,
      homepage: web,
      url: ssh,
      ssh_url: ssh,
      http_url: project.url,
    },
    commits,
    total_commits_count: total,
    push_options: {},
    repository: {
      name: project.name,
      url: ssh,
      description: project.description,
      homepage: web,
      git_http_url: project.url,
      git_ssh_url: ssh,
      visibility_level: level,
    },
  };
}

/** Oldest first. A new branch has those that the default branch has not; a deleted one has none. */
async function newCommits(
  project: Project,
  branch: string,
  before: string,
  after: string,
): Promise<{ commits: object[]; total: number }> {
  if (after === ZERO) return { commits: [], total: 0 };
  const main = branch === project.defaultBranch ? undefined : await project.head();
  const base = before === ZERO ? main : before;
  const range = base === undefined ? [after] : [after, `^${base}`];
  const count = await gitText(['rev-list', '--count', ...range], { cwd: project.directory });
  const newest = await log(project, [`--max-count=${MOST_COMMITS}`, ...range]);
  const commits = await Promise.all(
    newest.reverse().map(async (commit) => ({
      id: commit.id,
      message: commit.message,
      title: commit.message.split('\n')[0],
      timestamp: commit.committedDate,
      url: `${project.webUrl}/-/commit/${commit.id}`,
      author: { name: commit.authorName, email: commit.authorEmail },
      ...(await touched(project, commit.id)),
    })),
  );
  return { commits, total: Number(count) };
}

async function touched(project: Project, sha: string): Promise<Record<string, string[]>> {
  const args = ['diff-tree', '--root', '-r', '-z', '--no-commit-id', '--no-renames', '--name-status', sha];
  const fields = (await gitText(args, { cwd: project.directory })).split('\0');
  const files: Record<string, string[]> = { added: [], modified: [], removed: [] };
  const names: Record<string, string> = { A: 'added', D: 'removed' };
  for (let at = 0; at + 1 < fields.length; at += 2)
    files[names[fields[at]!] ?? 'modified']!.push(fields[at + 1]!);
  return files;
}
