/** What a job's token says of the job, and which agents the job may use. */
import type { Agent } from '../agents.ts';
import { json } from '../answer.ts';
import type { JobToken } from '../project-credentials.ts';
import { groupsOf, type World } from '../world.ts';
import { unauthorized } from './api-error.ts';
import type { Call } from './call.ts';
import { userBasic } from './entities.ts';
import type { Route } from './router.ts';

export const jobRoutes: readonly Route[] = [
  { method: 'GET', path: '/job', jobs: true, login: true, handle: (call) => json(200, job(call)) },
  {
    method: 'GET',
    path: '/job/allowed_agents',
    jobs: true,
    login: true,
    handle: (call) => json(200, allowedAgents(call)),
  },
];

function tokenOf({ caller }: Call): JobToken {
  if (!caller.job) throw unauthorized();
  return caller.job;
}

function job(call: Call): object {
  const { world } = call;
  const { jobId, pipelineId, project, user } = tokenOf(call);
  return {
    id: jobId,
    status: 'running',
    user: userBasic(world, user),
    pipeline: {
      id: pipelineId,
      iid: pipelineId,
      project_id: project.id,
      sha: '0'.repeat(40),
      ref: project.defaultBranch,
      status: 'running',
      source: 'push',
      web_url: `${project.webUrl}/-/pipelines/${pipelineId}`,
    },
    web_url: `${project.webUrl}/-/jobs/${jobId}`,
  };
}

function allowedAgents(call: Call): object {
  const { world } = call;
  const { jobId, pipelineId, project, user, environment } = tokenOf(call);
  const groups = groupsOf(project.path);
  return {
    allowed_agents: world.projects
      .flatMap(({ agents }) => agents)
      .flatMap((agent) => {
        const configuration = configurationFor(world, agent, project.path);
        if (!configuration) return [];
        return [{ id: agent.id, config_project: { id: agent.project.id }, configuration }];
      }),
    job: { id: jobId },
    pipeline: { id: pipelineId },
    project: { id: project.id, groups: groups.map((path) => ({ id: world.namespaceId(path) })) },
    ...(environment && { environment }),
    user: {
      id: user.id,
      username: user.username,
      name: user.name,
      roles_in_project: [],
    },
  };
}

interface Grant {
  id: string;
  [key: string]: unknown;
}

/** The most specific entry of `ci_access` in what the agent server has said of the agent's configuration. */
function configurationFor(world: World, agent: Agent, project: string): object | undefined {
  const { ci_access: access } = world.configurationOf(agent.id) as {
    ci_access?: { projects?: Grant[]; groups?: Grant[] };
  };
  const nearest = [...groupsOf(project)].reverse();
  const grant =
    access?.projects?.find(({ id }) => id === project) ??
    nearest.map((group) => access?.groups?.find(({ id }) => id === group)).find(Boolean);
  if (!grant) return agent.project.path === project ? { access_as: { agent: {} } } : undefined;
  const { id: _id, ...configuration } = grant;
  return configuration;
}
