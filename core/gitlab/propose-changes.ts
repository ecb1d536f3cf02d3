import type { GitLabAnswer } from '../model/gitlab.ts';
import type { FileUpdate, GitLabProjects, MergeRequestInfo } from '../model/gitlab-projects.ts';

export interface ProposeOptions {
  gitlab: Pick<GitLabProjects, 'branch' | 'createCommit' | 'openMergeRequests' | 'createMergeRequest'>;
  project: string;
  /** Where the change is to go. */
  target: string;
  /** Of this name is the branch with it; one change has one name, so that it is proposed once. */
  branch: string;
  title: string;
  description: string;
  updates: readonly FileUpdate[];
}

/** Puts changes on a branch of their own and opens a merge request, or finds the one that is open already. */
export async function proposeChanges(options: ProposeOptions): Promise<GitLabAnswer<MergeRequestInfo>> {
  const { gitlab, project, target, branch, title, description, updates } = options;
  const found = await gitlab.branch(project, branch);
  if (!found.ok) return found;
  if (!found.value) {
    const message = `${title}\n\n${description}`;
    const made = await gitlab.createCommit(project, { branch, startBranch: target, message, updates });
    // One that was made meanwhile is the same.
    if (!made.ok && !/already exists/.test(made.failure.message)) return made;
  }
  const open = await gitlab.openMergeRequests(project, { source: branch, target });
  if (!open.ok) return open;
  const [first] = open.value;
  if (first) return { ok: true, value: first };
  const made = await gitlab.createMergeRequest(project, { source: branch, target, title, description });
  if (made.ok || !/already exists/.test(made.failure.message)) return made;
  const again = await gitlab.openMergeRequests(project, { source: branch, target });
  const twin = again.ok ? again.value[0] : undefined;
  return twin ? { ok: true, value: twin } : made;
}
