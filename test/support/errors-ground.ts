/** A GitLab for situations in which it is of little help. */
import type { ExecutionContext } from 'ava';
import { type GitLab, startGitLab } from './gitlab/gitlab.ts';
import type { User } from './gitlab/user.ts';

export interface Ground {
  gitlab: GitLab;
  /** Maintains what is in it: group/agents and group/shop. */
  ada: User;
}

/** Two projects; it ends with the test. */
export async function ground(t: ExecutionContext): Promise<Ground> {
  const gitlab = await startGitLab();
  t.teardown(() => gitlab[Symbol.asyncDispose]());
  const ada = gitlab.createUser('ada');
  const members = { ada: 'maintainer' } as const;
  await gitlab.createProject('group/agents', { members });
  const shop = await gitlab.createProject('group/shop', { members });
  await shop.commit({ 'a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n' }, { user: ada });
  return { gitlab, ada };
}
