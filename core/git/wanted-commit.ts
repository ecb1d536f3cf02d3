import type { ManifestRef } from '../model/agent-config.ts';
import type { Attempt, RemoteRefs } from '../model/source.ts';

/** A full object id: SHA-1 or SHA-256. */
export const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The name to ask a repository for; undefined where a commit id says it all. Without a ref, HEAD. */
export function wantedRef(ref: ManifestRef | undefined): string | undefined {
  if (!ref) return 'HEAD';
  if ('branch' in ref) return `refs/heads/${ref.branch}`;
  return 'tag' in ref ? `refs/tags/${ref.tag}` : undefined;
}

/** Which commit is wanted now, by what the repository said. `name` is the branch or tag that it was found by. */
export function wantedCommit(
  { refs }: RemoteRefs,
  ref: ManifestRef | undefined,
): Attempt<{ commit: string; name?: string }> {
  if (ref && 'commit' in ref) return wantedById(ref.commit);
  const name = wantedRef(ref)!;
  const found = refs.get(name);
  const commit = found?.peeled ?? found?.oid;
  if (commit) return { ok: true, commit, name: found?.target ?? name };
  const head = refs.get('HEAD');
  const branch = head?.target?.replace(/^refs\/heads\//, '');
  if (!head?.oid && name === 'HEAD') {
    const message = branch
      ? `the repository's default branch ${JSON.stringify(branch)} has no commit yet`
      : 'the repository has no commit yet';
    return missing(message, 'push a commit, or name the branch to follow');
  }
  const [, kind, given] = /^refs\/(heads|tags)\/(.*)$/s.exec(name)!;
  const message = `the repository has no ${kind === 'tags' ? 'tag' : 'branch'} ${JSON.stringify(given)}`;
  if (!head?.oid) return missing(message, 'has anything been pushed yet?');
  return missing(
    message,
    branch
      ? `was it renamed or deleted? its default branch is ${JSON.stringify(branch)}`
      : 'was it renamed or deleted?',
  );
}

function wantedById(given: string): Attempt<{ commit: string }> {
  const commit = given.toLowerCase();
  if (OBJECT_ID.test(commit)) return { ok: true, commit };
  const message = `${JSON.stringify(given)} is not a whole commit id`;
  return {
    ok: false,
    failure: { code: 'CommitMissing', message, hint: 'write all 40 (or 64) hexadecimal digits of it' },
  };
}

function missing(message: string, hint: string): Attempt<never> {
  return { ok: false, failure: { code: 'RefMissing', message, hint } };
}
