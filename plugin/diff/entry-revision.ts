import type { PersonRepository } from '../../core/git/person-repository.ts';
import { OBJECT_ID, wantedCommit, wantedRef } from '../../core/git/wanted-commit.ts';
import type { ManifestRef } from '../../core/model/agent-config.ts';
import type { EntryStatus } from '../../core/model/agent-status.ts';
import { ProblemError } from '../../core/model/problem.ts';

/**
 * The commit that an entry should run now, or that `revision` names: a whole commit, the beginning of one that the
 * agent has told of, a branch or a tag of the repository. Throws ProblemError where there is none.
 */
export async function entryRevision(
  repository: PersonRepository,
  { entry, status, revisions = [], project }: EntryStatus,
  revision: string | undefined,
): Promise<string> {
  if (revision === undefined) return await commitOf(repository, entry?.ref);
  const given = revision.toLowerCase();
  if (OBJECT_ID.test(given)) return given;
  const told = [status?.wanted, status?.observed, status?.applied].flatMap((at) => at?.revision ?? []);
  const known = [...new Set([...told, ...revisions])].filter((one) => one.startsWith(given));
  if (/^[0-9a-f]{7,}$/.test(given) && known.length === 1) return known[0]!;
  const names = [`refs/heads/${revision}`, `refs/tags/${revision}`];
  const refs = await repository.refs(names);
  for (const name of names) {
    const found = refs.get(name);
    const commit = found?.peeled ?? found?.oid;
    if (commit) return commit;
  }
  throw new ProblemError({
    code: 'UnknownRevision',
    message: `${project} has no branch or tag ${JSON.stringify(revision)}`,
    hint: 'a commit is named by all of its digits, or by the beginning of one that kubectl gitlab-agent history shows',
  });
}

async function commitOf(repository: PersonRepository, ref: ManifestRef | undefined): Promise<string> {
  const name = wantedRef(ref);
  const refs = name === undefined ? new Map() : await repository.refs([name]);
  const found = wantedCommit({ refs }, ref);
  if (found.ok) return found.commit;
  throw new ProblemError(found.failure);
}
