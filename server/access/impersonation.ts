import { create } from '@bufbuild/protobuf';
import {
  type ImpersonationConfig,
  ImpersonationConfigSchema,
} from '../../core/grpc/generated/kubernetes_api_pb.ts';

/** What is known of a job. Numbers are GitLab's; `groups` are those above its project. */
export interface Job {
  id: number;
  pipelineId: number;
  projectId: number;
  groups: readonly number[];
  username: string;
  environment?: { slug: string; tier: string };
}

/** What is known of a person: the roles that they have in projects and groups of `user_access`, by number. */
export interface Person {
  id: number;
  username: string;
  projects: readonly Roles[];
  groups: readonly Roles[];
}

/** A role comes with all that are below it. */
export interface Roles {
  id: number;
  roles: readonly string[];
}

/** The agent that is used: its number, and that of its configuration project; 0 where nobody knows it. */
export interface UsedAgent {
  id: bigint;
  configProjectId: number;
}

/** `access_as: ci_job`, in the words of GitLab's agent server. */
export function asJob(job: Job, agent: UsedAgent): ImpersonationConfig {
  const { projectId, environment } = job;
  return create(ImpersonationConfigSchema, {
    username: `gitlab:ci_job:${job.id}`,
    groups: [
      'gitlab:ci_job',
      ...job.groups.map((id) => `gitlab:group:${id}`),
      ...(environment ? job.groups.map((id) => `gitlab:group_env_tier:${id}:${environment.tier}`) : []),
      `gitlab:project:${projectId}`,
      ...(environment
        ? [
            `gitlab:project_env:${projectId}:${environment.slug}`,
            `gitlab:project_env_tier:${projectId}:${environment.tier}`,
          ]
        : []),
    ],
    extra: extras({
      id: agent.id,
      config_project_id: agent.configProjectId,
      project_id: projectId,
      ci_pipeline_id: job.pipelineId,
      ci_job_id: job.id,
      username: job.username,
      ...(environment && { environment_slug: environment.slug, environment_tier: environment.tier }),
    }),
  });
}

/** `access_as: user`. */
export function asPerson({ username, projects, groups }: Person, agent: UsedAgent): ImpersonationConfig {
  const rolesOf = (kind: string, all: readonly Roles[]): string[] =>
    all.flatMap(({ id, roles }) => roles.map((role) => `gitlab:${kind}_role:${id}:${role}`));
  return create(ImpersonationConfigSchema, {
    username: `gitlab:user:${username}`,
    groups: ['gitlab:user', ...rolesOf('project', projects), ...rolesOf('group', groups)],
    extra: extras({
      id: agent.id,
      username,
      access_type: 'personal_access_token',
      config_project_id: agent.configProjectId,
    }),
  });
}

function extras(values: Record<string, string | number | bigint>): { key: string; val: string[] }[] {
  return Object.entries(values).map(([name, value]) => ({
    key: `agent.gitlab.com/${name}`,
    val: [String(value)],
  }));
}
