import { json } from '../answer.ts';
import type { Project } from '../project.ts';
import { ROLES } from '../roles.ts';
import type { Call } from './call.ts';
import { projectBasic } from './entities.ts';
import type { Route } from './router.ts';

export const projectRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/projects/:id',
    handle: async (call) => json(200, await showProject(call, call.project)),
  },
];

const LINKS = ['issues', 'merge_requests', 'labels', 'events', 'members', 'cluster_agents'];

async function showProject(call: Call, project: Project): Promise<object> {
  const { world, caller } = call;
  const empty = (await project.head()) === undefined;
  const basic = projectBasic(world, project, empty);
  if (!caller.user) return basic;
  const own = `${world.url}/api/v4/projects/${project.id}`;
  const level = project.members.get(caller.user.id);
  return {
    ...basic,
    description_html: project.description,
    visibility: project.visibility,
    empty_repo: empty,
    archived: project.archived,
    creator_id: world.root.id,
    updated_at: project.createdAt.toISOString(),
    issues_enabled: true,
    merge_requests_enabled: true,
    jobs_enabled: true,
    wiki_enabled: true,
    snippets_enabled: true,
    public_jobs: true,
    open_issues_count: 0,
    repository_storage: 'default',
    only_allow_merge_if_pipeline_succeeds: false,
    merge_method: 'merge',
    ...(call.level(project) >= ROLES.maintainer
      ? { ci_push_repository_for_job_token_allowed: project.jobTokenPush }
      : {}),
    permissions: {
      project_access: level === undefined ? null : { access_level: level, notification_level: 3 },
      group_access: null,
    },
    _links: {
      self: own,
      ...Object.fromEntries(LINKS.map((name) => [name, `${own}/${name}`])),
      repo_branches: `${own}/repository/branches`,
    },
  };
}
