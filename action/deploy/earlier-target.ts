import { isDeepStrictEqual } from 'node:util';
import type { ManifestEntry, ManifestRef } from '../../core/model/agent-config.ts';
import type { RepositoryFile } from '../../core/model/gitlab-projects.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { Desk } from '../desk.ts';
import { type Configuration, entryIn } from '../entry.ts';

/** Who pointed it longer ago than as many changes of the file has been waited for by others. */
const COMMITS_BACK = 20;

/** Where an entry points: `ref` is absent for the default branch. */
export interface Target {
  ref?: ManifestRef;
}

/** Where an entry points. */
export function targetOf({ ref }: Pick<ManifestEntry, 'ref'>): Target {
  return ref ? { ref } : {};
}

/** Where the entry points in that file; undefined where that can't be told. */
function targetIn(desk: Desk, configuration: Configuration, found: RepositoryFile): Target | undefined {
  try {
    return targetOf(entryIn(desk, configuration, found).entry);
  } catch (error) {
    if (error instanceof ProblemError) return undefined;
    throw error;
  }
}

/** Where the entry pointed before it came to point at `ref`; undefined where that was long ago or can't be told. */
export async function earlierTarget(
  desk: Desk,
  configuration: Configuration,
  ref: ManifestRef,
): Promise<Target | undefined> {
  const { project, branch, file } = configuration;
  const commits = await desk.gitlab.commits(project, branch, { most: COMMITS_BACK, path: file });
  if (!commits.ok) return undefined;
  for (const { id } of commits.value) {
    const found = await desk.gitlab.file(project, file, id);
    if (!found.ok || !found.value) return undefined;
    const target = targetIn(desk, configuration, found.value);
    if (!target || !isDeepStrictEqual(target.ref, ref)) return target;
  }
  return undefined;
}

/** The commit that a target means now; undefined where that can't be told. */
export async function commitOf(
  { gitlab }: Desk,
  manifests: string,
  target: Target | undefined,
): Promise<string | undefined> {
  if (!target) return undefined;
  const { ref } = target;
  if (ref && 'commit' in ref) return ref.commit;
  if (ref && 'tag' in ref) return undefined;
  let name = ref?.branch;
  if (name === undefined) {
    const details = await gitlab.details(manifests);
    name = details.ok ? details.value.defaultBranch : undefined;
  }
  const found = name === undefined ? undefined : await gitlab.branch(manifests, name);
  return found?.ok ? found.value?.commit : undefined;
}
