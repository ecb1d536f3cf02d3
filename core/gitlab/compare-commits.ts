import { Repositories } from '@gitbeaker/rest';
import type { AheadCommit } from '../model/agent-status.ts';
import type { GitLabAnswer } from '../model/gitlab.ts';
import { answer } from './answer.ts';
import { type GitLabOptions, resourceOptions } from './connection.ts';

/** The commits that a branch or commit has and another does not, the newest first. */
export function compareCommits(
  options: GitLabOptions,
  project: string,
  { from, to }: { from: string; to: string },
): Promise<GitLabAnswer<AheadCommit[]>> {
  const repositories = new Repositories(resourceOptions(options));
  return answer(async () => {
    const { commits = [] } = await repositories.compare(project, from, to);
    return commits
      .map(({ id, title, author_name, created_at }) => ({
        id: String(id),
        title: String(title),
        author: String(author_name ?? ''),
        at: String(created_at),
      }))
      .reverse();
  });
}
