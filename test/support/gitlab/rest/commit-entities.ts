/** Commits and branches as the API shows them. */
import { type Commit, commitAt, contains, type Ref, statsOf } from '../commit-log.ts';
import { newestPipeline, pipelineStatus } from '../pipelines.ts';
import type { Project } from '../project.ts';
import { mayMerge, mayPush, protectionsOf } from '../protected-branches.ts';
import { ROLES } from '../roles.ts';
import type { Call } from './call.ts';

export function commitBasic(project: Project, commit: Commit): Record<string, unknown> {
  return {
    id: commit.id,
    short_id: commit.id.slice(0, 8),
    created_at: commit.committedDate,
    parent_ids: commit.parents,
    title: commit.message.split('\n')[0]!,
    message: commit.message,
    author_name: commit.authorName,
    author_email: commit.authorEmail,
    authored_date: commit.authoredDate,
    committer_name: commit.committerName,
    committer_email: commit.committerEmail,
    committed_date: commit.committedDate,
    trailers: {},
    extended_trailers: {},
    web_url: `${project.webUrl}/-/commit/${commit.id}`,
  };
}

export async function commitDetail(project: Project, commit: Commit, stats: boolean): Promise<object> {
  const pipeline = newestPipeline(project, { sha: commit.id });
  const status = pipeline ? pipelineStatus(project, pipeline) : null;
  return {
    ...commitBasic(project, commit),
    ...(stats ? { stats: await statsOf(project, commit.id) } : {}),
    status,
    project_id: project.id,
    last_pipeline: pipeline
      ? {
          id: pipeline.id,
          iid: pipeline.iid,
          project_id: project.id,
          sha: pipeline.sha,
          ref: pipeline.ref,
          status,
          source: pipeline.source,
          created_at: pipeline.createdAt.toISOString(),
          updated_at: pipeline.createdAt.toISOString(),
          web_url: `${project.webUrl}/-/pipelines/${pipeline.id}`,
        }
      : null,
  };
}

export async function branchBody(call: Call, project: Project, { name, target }: Ref): Promise<object> {
  const commit = (await commitAt(project, target))!;
  const rules = protectionsOf(project.protectedBranches, name);
  const main = await project.head();
  const isDefault = name === project.defaultBranch;
  return {
    name,
    commit: commitBasic(project, commit),
    merged: !isDefault && main !== undefined && (await contains(project, main, target)),
    protected: rules.length > 0,
    developers_can_push: rules.length > 0 && mayPush(project.protectedBranches, name, ROLES.developer),
    developers_can_merge: rules.length > 0 && mayMerge(project.protectedBranches, name, ROLES.developer),
    can_push: !project.archived && mayPush(project.protectedBranches, name, call.level(project)),
    default: isDefault,
    web_url: `${project.webUrl}/-/tree/${name}`,
  };
}
