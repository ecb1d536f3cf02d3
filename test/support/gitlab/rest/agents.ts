/** Agent records and agent tokens by REST. */

import {
  type Agent,
  type AgentToken,
  activeTokens,
  addAgent,
  addAgentToken,
  Invalid,
  removeAgent,
} from '../agents.ts';
import { type Answer, json } from '../answer.ts';
import { ROLES } from '../roles.ts';
import { badRequest, noRecord, notFound } from './api-error.ts';
import type { Call } from './call.ts';
import { databaseTime, projectIdentity } from './entities.ts';
import { paginated } from './pagination.ts';
import { integer, required } from './parameters.ts';
import type { Route } from './router.ts';

const PATH = '/projects/:id/cluster_agents';
const ONE = `${PATH}/:agent_id`;
const TOKENS = `${ONE}/tokens`;

export function agentBody(agent: Agent): object {
  return {
    id: agent.id,
    name: agent.name,
    config_project: projectIdentity(agent.project),
    created_at: databaseTime(agent.createdAt),
    created_by_user_id: agent.createdBy.id,
  };
}

/** Lists leave out when it was used last. */
function tokenBasic(token: AgentToken): object {
  return {
    id: token.id,
    name: token.name,
    description: token.description,
    agent_id: token.agent.id,
    status: token.status,
    created_at: databaseTime(token.createdAt),
    created_by_user_id: token.createdBy.id,
  };
}

function tokenBody(token: AgentToken): object {
  return { ...tokenBasic(token), last_used_at: token.lastUsedAt && databaseTime(token.lastUsedAt) };
}

function agentOf(call: Call): Agent {
  const { project } = call;
  const agent = project.agents.find(({ id }) => id === call.parameters.integer('agent_id'));
  if (!agent || call.level(project) < ROLES.developer) throw noRecord();
  return agent;
}

function tokenOf(call: Call): AgentToken {
  const tokens = activeTokens(agentOf(call));
  const token = tokens.find(({ id }) => id === call.parameters.integer('token_id'));
  if (!token) throw noRecord();
  return token;
}

/** Validation prints its array, as Ruby does, into the sentence. */
function printed<T>(make: () => T, show: (reasons: readonly string[]) => string): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof Invalid) throw badRequest(show(error.reasons));
    throw error;
  }
}

const nothing: Answer = { status: 204, headers: {}, body: '' };
const ids = [integer('agent_id'), integer('token_id')];

export const agentRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: PATH,
    login: true,
    handle: (call) => {
      const { project } = call;
      if (call.level(project) < ROLES.developer) throw notFound('ClusterAgents');
      return paginated(call, project.agents, agentBody);
    },
  },
  {
    method: 'GET',
    path: ONE,
    login: true,
    rules: ids,
    handle: (call) => json(200, agentBody(agentOf(call))),
  },
  {
    method: 'POST',
    path: PATH,
    login: true,
    rules: [required('name')],
    handle: (call) => {
      const { project, user, world } = call;
      call.demand(project, 'maintainer');
      const make = (): Agent => addAgent(world, project, user, call.parameters.text('name')!);
      return json(
        201,
        agentBody(printed(make, (reasons) => JSON.stringify(reasons).replaceAll('","', '", "'))),
      );
    },
  },
  {
    method: 'DELETE',
    path: ONE,
    login: true,
    rules: ids,
    handle: (call) => {
      const agent = agentOf(call);
      call.demand(agent.project, 'maintainer');
      call.demandUnmodified(agent.createdAt);
      removeAgent(agent);
      return nothing;
    },
  },
  {
    method: 'GET',
    path: TOKENS,
    login: true,
    rules: ids,
    handle: (call) => paginated(call, activeTokens(agentOf(call)), tokenBasic),
  },
  {
    method: 'GET',
    path: `${TOKENS}/:token_id`,
    login: true,
    rules: ids,
    handle: (call) => json(200, tokenBody(tokenOf(call))),
  },
  {
    method: 'POST',
    path: TOKENS,
    login: true,
    rules: [required('name'), ...ids],
    handle: (call) => {
      const agent = agentOf(call);
      const { parameters, user, world } = call;
      call.demand(agent.project, 'maintainer');
      const fields = {
        name: parameters.text('name')!,
        description: parameters.text('description') ?? null,
      };
      const make = (): AgentToken => addAgentToken(world, agent, user, fields);
      const token = printed(make, (reasons) => reasons.join(', '));
      return json(201, { ...tokenBody(token), token: token.value });
    },
  },
  {
    method: 'DELETE',
    path: `${TOKENS}/:token_id`,
    login: true,
    rules: ids,
    handle: (call) => {
      const token = tokenOf(call);
      call.demand(token.agent.project, 'maintainer');
      token.status = 'revoked';
      return nothing;
    },
  },
];
