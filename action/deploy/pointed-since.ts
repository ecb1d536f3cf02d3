import { isDeepStrictEqual } from 'node:util';
import type { ManifestRef } from '../../core/model/agent-config.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { Desk } from '../desk.ts';
import { type Configuration, entryIn } from '../entry.ts';

/** Who pointed it longer ago than as many changes of the file has been waited for by others. */
const COMMITS_BACK = 20;

/**
 * When the entry came to point there: RFC 3339, undefined where that was long ago or can't be told. What an agent said
 * of a commit before that is from an earlier time at it (a rollback, and back again), and says nothing of now.
 */
export async function pointedSince(
  desk: Desk,
  configuration: Configuration,
  ref: ManifestRef,
): Promise<string | undefined> {
  const { project, branch, file } = configuration;
  const commits = await desk.gitlab.commits(project, branch, { most: COMMITS_BACK, path: file });
  if (!commits.ok) return undefined;
  let since: string | undefined;
  for (const { id, committedAt } of commits.value) {
    const found = await desk.gitlab.file(project, file, id);
    if (!found.ok) return undefined;
    if (!found.value || !pointsAt(desk, configuration, found.value, ref)) return since;
    since = committedAt;
  }
  // The file has always said so, or for longer than anybody looks back.
  return commits.value.length < COMMITS_BACK ? since : undefined;
}

function pointsAt(
  desk: Desk,
  configuration: Configuration,
  found: Parameters<typeof entryIn>[2],
  ref: ManifestRef,
): boolean {
  try {
    return isDeepStrictEqual(entryIn(desk, configuration, found).entry.ref, ref);
  } catch (error) {
    // A file that was broken pointed nowhere.
    if (error instanceof ProblemError) return false;
    throw error;
  }
}
