import { resolve } from 'node:path';
import { ProblemError } from '../model/problem.ts';
import { findRoot, globBase, nearestDirectory, realLocation, resolveCommit } from './repository.ts';
import { type GitOptions, runGit } from './run-git.ts';

/** Files that a run reads: `whole` where it may read more of the repository than the paths, as a kustomization does. */
export interface ReadPaths {
  paths: readonly string[];
  whole: boolean;
  /** The revision at which they are read; absent for the work tree. */
  revision?: string | undefined;
}

/**
 * The commit whose files were read: of the named revision, or the one that is checked out where the work tree holds
 * exactly what it says. Undefined where there is no such commit, no repository or no git.
 */
export async function cleanRevision(
  { paths, whole, revision }: ReadPaths,
  options: GitOptions,
): Promise<string | undefined> {
  const [first] = paths;
  if (first === undefined || paths.includes('-')) return undefined;
  const places = paths.map((path) => realLocation(resolve(options.cwd, globBase(path))));
  try {
    const root = await findRoot({ ...options, cwd: nearestDirectory(places[0]!) }, first);
    const within = { ...options, cwd: root };
    if (revision !== undefined) return await resolveCommit(within, revision);
    if (!places.every((place) => place === root || place.startsWith(`${root}/`))) return undefined;
    const status = ['status', '--porcelain', '--untracked-files=all', '--ignored=matching', '-z', '--'];
    const [commit, changes] = await Promise.all([
      resolveCommit(within, 'HEAD'),
      runGit([...status, ...(whole ? ['.'] : places)], within),
    ]);
    const isClean = changes.code === 0 && changes.stdout.toString('utf8').split('\0').every(isHarmless);
    return isClean ? commit : undefined;
  } catch (error) {
    if (error instanceof ProblemError) return undefined;
    throw error;
  }
}

/** An ignored file that is no manifest was not read. */
function isHarmless(entry: string): boolean {
  return entry === '' || (entry.startsWith('!! ') && !/(?:\.ya?ml|\.json|\/)$/.test(entry));
}
