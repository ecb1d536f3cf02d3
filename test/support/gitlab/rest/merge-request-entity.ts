import { contains } from '../commit-log.ts';
import { type MergeRequest, mergeable } from '../merge-requests.ts';
import type { Project } from '../project.ts';
import type { World } from '../world.ts';
import { databaseTime, userBasic } from './entities.ts';

/** Those of a project whose history up to the target holds that commit. */
export async function mergeRequestsWith(project: Project, sha: string): Promise<MergeRequest[]> {
  const found: MergeRequest[] = [];
  for (const request of project.mergeRequests) {
    const head = request.mergeCommit ?? request.sha;
    if (head === sha || (await contains(project, request.sha, sha))) found.push(request);
  }
  return found;
}

export async function mergeRequestBody(
  world: World,
  request: MergeRequest,
): Promise<Record<string, unknown>> {
  const { target, source, iid, state } = request;
  const open = state === 'opened';
  const merges = open && (await mergeable(request));
  const user = (who: MergeRequest['mergedBy']): object | null => who && userBasic(world, who);
  const time = (when: Date | null): string | null => when && databaseTime(when);
  const draft = /^draft:/i.test(request.title);
  return {
    id: request.id,
    iid,
    project_id: target.id,
    title: request.title,
    description: request.description,
    state,
    created_at: databaseTime(request.createdAt),
    updated_at: databaseTime(request.updatedAt),
    prepared_at: databaseTime(request.createdAt),
    merged_by: user(request.mergedBy),
    merge_user: user(request.mergedBy),
    merged_at: time(request.mergedAt),
    merge_after: null,
    closed_by: user(request.closedBy),
    closed_at: time(request.closedAt),
    target_branch: request.targetBranch,
    source_branch: request.sourceBranch,
    user_notes_count: request.notes.filter(({ system }) => !system).length,
    upvotes: 0,
    downvotes: 0,
    author: user(request.author),
    assignee: null,
    assignees: [],
    reviewers: [],
    source_project_id: source.id,
    target_project_id: target.id,
    labels: [],
    draft,
    work_in_progress: draft,
    imported: false,
    imported_from: 'none',
    milestone: null,
    merge_when_pipeline_succeeds: false,
    merge_status: merges || !open ? 'can_be_merged' : 'cannot_be_merged',
    detailed_merge_status: open ? (merges ? (draft ? 'draft_status' : 'mergeable') : 'conflict') : 'not_open',
    sha: request.sha,
    merge_commit_sha: request.mergeCommit,
    squash_commit_sha: null,
    discussion_locked: null,
    should_remove_source_branch: null,
    force_remove_source_branch: request.removeSourceBranch,
    allow_collaboration: false,
    allow_maintainer_to_push: false,
    references: { short: `!${iid}`, relative: `!${iid}`, full: `${target.path}!${iid}` },
    web_url: `${target.webUrl}/-/merge_requests/${iid}`,
    time_stats: {
      time_estimate: 0,
      total_time_spent: 0,
      human_time_estimate: null,
      human_total_time_spent: null,
    },
    squash: false,
    task_completion_status: { count: 0, completed_count: 0 },
    has_conflicts: open && !merges,
    blocking_discussions_resolved: true,
  };
}
