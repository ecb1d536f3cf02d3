/** Commits, trees and blobs of a project, read by git. */
import { git, gitAnswer, gitText } from './git-process.ts';
import type { Project } from './project.ts';

export interface Commit {
  id: string;
  parents: string[];
  authorName: string;
  authorEmail: string;
  authoredDate: string;
  committerName: string;
  committerEmail: string;
  committedDate: string;
  message: string;
}

const FIELDS = ['%H', '%P', '%an', '%ae', '%aI', '%cn', '%ce', '%cI', '%B'];

/** `git log` with these arguments: revisions, limits, order. Literal paths come last, after `--`. */
export async function log(project: Project, args: readonly string[]): Promise<Commit[]> {
  const format = `--format=${FIELDS.join('%x00')}%x00`;
  const printed = await gitText(['log', '--no-color', format, ...args], { cwd: project.directory });
  const fields = printed.split('\0');
  const commits: Commit[] = [];
  for (let at = 0; at + FIELDS.length < fields.length; at += FIELDS.length) {
    const [
      id,
      parents,
      authorName,
      authorEmail,
      authored,
      committerName,
      committerEmail,
      committed,
      message,
    ] = fields.slice(at, at + FIELDS.length) as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    commits.push({
      // A line feed comes between two commits.
      id: id.trim(),
      parents: parents.split(' ').filter((parent) => parent !== ''),
      authorName,
      authorEmail,
      authoredDate: gitTime(authored),
      committerName,
      committerEmail,
      committedDate: gitTime(committed),
      message: message.replace(/\n$/, ''),
    });
  }
  return commits;
}

/** Times of git keep their offset; Rails adds milliseconds. */
function gitTime(iso: string): string {
  return iso.replace(/Z$/, '+00:00').replace(/([+-]\d\d:\d\d)$/, '.000$1');
}

/** The commit that a branch, tag or SHA names. */
export async function commitAt(project: Project, revision: string): Promise<Commit | undefined> {
  const sha = await project.resolve(revision);
  return sha === undefined ? undefined : (await log(project, ['-1', sha]))[0];
}

export interface Stats {
  additions: number;
  deletions: number;
  total: number;
}

export async function statsOf(project: Project, sha: string): Promise<Stats> {
  const args = ['diff-tree', '--root', '-r', '--no-commit-id', '--numstat', '-m', '--first-parent', sha];
  const sum = { additions: 0, deletions: 0, total: 0 };
  for (const line of (await gitText(args, { cwd: project.directory })).split('\n')) {
    const [added, deleted] = line.split('\t').map(Number);
    sum.additions += added || 0;
    sum.deletions += deleted || 0;
  }
  sum.total = sum.additions + sum.deletions;
  return sum;
}

export interface TreeEntry {
  mode: string;
  type: 'tree' | 'blob' | 'commit';
  id: string;
  path: string;
}

/** The entries of a folder, '' being the root; undefined where there is no such folder. */
export async function treeOf(
  project: Project,
  sha: string,
  path: string,
  recursive = false,
): Promise<TreeEntry[] | undefined> {
  const folder = path.replace(/^\/+|\/+$/g, '');
  const tree = await gitAnswer(['rev-parse', '--verify', '--quiet', `${sha}:${folder}`], {
    cwd: project.directory,
  });
  if (tree === undefined) return undefined;
  const args = ['ls-tree', '-z', ...(recursive ? ['-r', '-t'] : []), tree];
  const printed = await gitAnswer(args, { cwd: project.directory });
  return printed
    ?.split('\0')
    .filter(Boolean)
    .map((line) => {
      const [, mode, type, id, name] = /^(\d+) (\w+) (\w+)\t(.*)$/s.exec(line)!;
      const full = folder === '' ? name! : `${folder}/${name}`;
      return { mode: mode!, type: type as TreeEntry['type'], id: id!, path: full };
    });
}

/** The file at a path, undefined where there is none or it is a folder. */
export async function fileAt(project: Project, sha: string, path: string): Promise<TreeEntry | undefined> {
  const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
  const entries = await treeOf(project, sha, parent);
  return entries?.find((entry) => entry.path === path && entry.type === 'blob');
}

export async function blob(project: Project, id: string): Promise<Buffer> {
  return await git(['cat-file', 'blob', id], { cwd: project.directory });
}

/** The newest commit before and with `sha` that touched a path. */
export async function lastCommitFor(
  project: Project,
  sha: string,
  path: string,
): Promise<string | undefined> {
  const printed = await gitAnswer(['rev-list', '-1', sha, '--', path], { cwd: project.directory });
  return printed === '' ? undefined : printed;
}

export interface Ref {
  name: string;
  /** What it points to: of an annotated tag, the tag. */
  target: string;
}

/** Branches or tags by name, also only those that contain a commit. */
export async function refs(project: Project, kind: 'heads' | 'tags', containing?: string): Promise<Ref[]> {
  const contains = containing === undefined ? [] : [`--contains=${containing}`];
  const format = '--format=%(refname:strip=2) %(objectname)';
  const args = ['for-each-ref', format, ...contains, `refs/${kind}`];
  const lines = (await gitText(args, { cwd: project.directory })).split('\n').filter(Boolean);
  return lines.map((line) => {
    const [name, target] = line.split(' ');
    return { name: name!, target: target! };
  });
}

export async function mergeBase(project: Project, revisions: readonly string[]): Promise<string | undefined> {
  return await gitAnswer(['merge-base', '--octopus', ...revisions], { cwd: project.directory });
}

/** Whether `ancestor` is in the history of `sha`, or is it. */
export async function contains(project: Project, sha: string, ancestor: string): Promise<boolean> {
  const args = ['merge-base', '--is-ancestor', ancestor, sha];
  return (await gitAnswer(args, { cwd: project.directory })) !== undefined;
}
