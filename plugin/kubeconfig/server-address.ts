import { openAgents } from '../../core/gitlab/agents.ts';
import { clusterApiUrl } from '../../core/gitlab/cluster-api-url.ts';
import type { GitLabOptions } from '../../core/gitlab/connection.ts';
import type { GitLabFailure } from '../../core/model/gitlab.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { KubeconfigFlags } from '../commands/kubeconfig.ts';
import { gitlabAccess, gitlabProblem } from '../gitlab/access.ts';
import { checkedAgentId, checkedName } from '../gitlab/agent-name.ts';
import { isUrl } from '../install/read-settings.ts';
import type { Io } from '../io.ts';
import { Tokens } from '../read-token.ts';

/** How the cluster of an agent is reached. */
export interface Reached {
  id: number;
  /** Of the agent server, without a slash at its end. */
  server: string;
}

const SERVER = '--server https://kas.example.com/k8s-proxy';

/**
 * The agent's number and the server's address, as the flags say or else GitLab, which is asked for no more than the flags
 * leave open. Throws ProblemError.
 */
export async function reachAgent(flags: KubeconfigFlags, io: Io): Promise<Reached> {
  const id = flags.agentId === undefined ? undefined : checkedAgentId(flags.agentId);
  const server = flags.server === undefined ? undefined : checkedServer(flags.server, '--server');
  const name = id === undefined || flags.agent !== undefined ? checkedName(flags.agent, 'kubeconfig') : '';
  if (id === undefined && !flags.configProject)
    throw usage(
      '--config-project is missing',
      '--config-project group/agents, or the number with --agent-id',
    );
  if (id !== undefined && server !== undefined) return { id, server };
  const access = await gitlabAccess(flags, new Tokens(io), io);
  return {
    id: id ?? (await findAgent(access, flags.configProject!, name)),
    server: server ?? (await findServer(access)),
  };
}

async function findAgent(access: GitLabOptions, project: string, name: string): Promise<number> {
  const found = await openAgents(access).find(project, name);
  if (!found.ok) throw lookProblem(`the agents of ${project} can't be read`, found.failure);
  if (found.value !== undefined) return found.value;
  throw new ProblemError({
    code: 'NoAgent',
    message: `${project} has no agent called ${name} in GitLab`,
    hint: `kubectl gitlab-agent register ${name} makes it; one that only its server knows is named by --agent-id`,
  });
}

async function findServer(access: GitLabOptions): Promise<string> {
  const found = await clusterApiUrl(access);
  if (!found.ok) throw lookProblem('GitLab does not say where its agent server is', found.failure);
  if (found.value !== undefined) return checkedServer(found.value, `the agent server of ${access.url}`);
  throw new ProblemError({
    code: 'NoServer',
    message: `${access.url} does not say where its agent server answers for the APIs of clusters`,
    hint: SERVER,
  });
}

/** A token that is good for the agent server need not be good for this. */
function lookProblem(what: string, failure: GitLabFailure): ProblemError {
  const isRefused = ['unauthorized', 'forbidden', 'notFound'].includes(failure.code);
  if (!isRefused) return gitlabProblem(what, failure);
  const hint =
    'it takes a token with the scope read_api of a Developer of the project; nobody is asked with --agent-id and --server';
  return new ProblemError({ code: 'GitLab', message: `${what}: ${failure.message}`, hint });
}

/** kubectl reads no credentials where they would travel unencrypted, not even to this machine. */
function checkedServer(text: string, what: string): string {
  if (!isUrl(text)) throw usage(`${what} is no plain URL`, SERVER);
  if (!/^https:/i.test(text))
    throw usage(`${what} is not an https:// address, and to others kubectl sends no credentials`, SERVER);
  return text.replace(/\/+$/, '');
}

function usage(message: string, hint: string): ProblemError {
  return new ProblemError({ code: 'Usage', message, hint });
}
