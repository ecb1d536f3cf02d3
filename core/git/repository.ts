import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { OpenRevision } from '../model/file-tree.ts';
import { ProblemError } from '../model/problem.ts';
import { openRevisionTree } from './revision-tree.ts';
import { firstLine, type GitOptions, git, runGit } from './run-git.ts';

/**
 * Opens revisions of the local repositories that paths lie in, through the git program. Relative paths count from
 * `cwd`. A path need not exist in the work tree.
 */
export function openRevision(options: GitOptions): OpenRevision {
  return async (path, revision) => {
    const cwd = realpathSync(options.cwd);
    const absolute = realLocation(resolve(cwd, globBase(path)));
    const from = { ...options, cwd: nearestDirectory(absolute) };
    const root = await findRoot(from, path);
    const commit = await resolveCommit({ ...options, cwd: root }, revision);
    const gitDir = (await git(['rev-parse', '--absolute-git-dir'], { ...options, cwd: root }))
      .toString('utf8')
      .trim();
    const inTree = (given: string): string | undefined => {
      const within = relative(root, realLocation(resolve(cwd, given))).replaceAll('\\', '/');
      return within === '..' || within.startsWith('../') || isAbsolute(within) ? undefined : within;
    };
    return await openRevisionTree({ ...options, cwd: root, gitDir, commit, revision, inTree });
  };
}

export async function findRoot(options: GitOptions, path: string): Promise<string> {
  const { code, stdout, stderr } = await runGit(['rev-parse', '--show-toplevel'], options);
  if (code === 0) return realpathSync(stdout.toString('utf8').replace(/\n$/, ''));
  if (/dubious ownership/.test(stderr)) {
    const message = 'the repository belongs to another user, and git refuses to read it';
    throw new ProblemError({
      code: 'GitFailed',
      message,
      file: path,
      hint: 'git config --global --add safe.directory DIRECTORY',
    });
  }
  const message = /not a git repository/.test(stderr) ? 'is not in a Git repository' : firstLine(stderr);
  throw new ProblemError({
    code: 'NoRepository',
    message,
    file: path,
    hint: '--rev reads paths of a local Git repository',
  });
}

export async function resolveCommit(options: GitOptions, revision: string): Promise<string> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  // No name holds a NUL, and no argument of a program can.
  const result = revision.includes('\0') ? undefined : await runGit(args, options);
  const commit = result?.stdout.toString('utf8').trim() ?? '';
  if (result?.code === 0 && /^[0-9a-f]{40,64}$/.test(commit)) return commit;
  const shallow =
    (await git(['rev-parse', '--is-shallow-repository'], options)).toString('utf8').trim() === 'true';
  throw new ProblemError({
    code: 'UnknownRevision',
    message: `the repository has no revision ${JSON.stringify(revision)}`,
    hint: shallow
      ? 'this is a shallow clone: git fetch --unshallow, or fetch the revision'
      : 'git log --all shows what there is',
  });
}

/** The part of a glob before its first wildcard: where in a repository it begins. */
export function globBase(path: string): string {
  const wildcard = path.search(/[*?[{]/);
  return wildcard < 0 ? path : path.slice(0, path.lastIndexOf('/', wildcard) + 1) || '.';
}

/** The path with the links of its directories followed, as far as they exist; the last part stays as it is. */
export function realLocation(path: string): string {
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return dirname(path) === path ? path : join(realLocation(dirname(path)), basename(path));
  }
}

export function nearestDirectory(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    if (statSync(at, { throwIfNoEntry: false })?.isDirectory() || dirname(at) === at) return at;
  }
}
