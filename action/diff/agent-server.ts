import { openAgents } from '../../core/gitlab/agents.ts';
import { environmentProxy } from '../../core/kube/proxy-choice.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { type Desk, demand } from '../desk.ts';
import type { LiveCluster } from './live.ts';

/** The cluster of the agent that the inputs name, through the agent server at an address. Throws ProblemError. */
export async function clusterBehind(desk: Desk, server: string): Promise<LiveCluster> {
  const { inputs, job, host, env } = desk;
  const { agent, configProject } = inputs;
  if (job.jobToken === undefined)
    throw new ProblemError({
      code: 'JobToken',
      message: 'input agent_server is for jobs of GitLab CI: there is no job token here',
      hint: 'compare by KUBECONFIG with input kube_context, or with another revision',
    });
  const id = inputs.agentId ?? (await findAgent(desk, configProject!, agent!));
  const token = `ci:${id}:${job.jobToken}`;
  host.hide(token);
  const proxy = environmentProxy(env, new URL(server));
  return {
    name: agent !== undefined && configProject !== undefined ? `${configProject}:${agent}` : `of agent ${id}`,
    connection: {
      server,
      namespace: 'default',
      namespaceExplicit: false,
      tls: { insecure: false },
      auth: { kind: 'token', token },
      compression: true,
      ...(proxy && { proxy }),
    },
  };
}

async function findAgent({ gitlabOptions }: Desk, project: string, name: string): Promise<number> {
  const id = demand(
    `the agents of ${project} can't be read`,
    await openAgents(gitlabOptions).find(project, name),
  );
  if (id !== undefined) return id;
  throw new ProblemError({
    code: 'NoAgent',
    message: `${project} has no agent called ${name} in GitLab`,
    hint: 'give its number as input agent_id',
  });
}
