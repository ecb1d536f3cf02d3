import type { GitLabAnswer, GitLabFailure } from '../model/gitlab.ts';
import type { AgentTokenInfo, GitLabAgents } from '../model/gitlab-agents.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import { answer } from './answer.ts';
import type { GitLabOptions } from './connection.ts';
import { type Ask, allPages, jsonRequests, projectPath } from './json-requests.ts';
import { GitLabError } from './requester.ts';

/** GraphQL is not to be had, or does not know or allow it: REST is asked. */
class Refused extends Error {}

/** Opens agent records. GraphQL is asked, as GitLab's own pages do, and REST where that is refused. */
export function openAgents(options: GitLabOptions): GitLabAgents {
  const ask = jsonRequests(options);
  const [graphql, rest] = [ofGraphql(ask), ofRest(ask)];
  return {
    find: either(graphql.find, rest.find),
    create: either(graphql.create, rest.create),
    tokens: either(graphql.tokens, rest.tokens),
    createToken: either(graphql.createToken, rest.createToken),
    revokeToken: either(graphql.revokeToken, rest.revokeToken),
  };
}

function either<A extends unknown[], T>(
  first: (...args: A) => Promise<T>,
  then: (...args: A) => Promise<T>,
): (...args: A) => Promise<GitLabAnswer<T>> {
  return (...args) =>
    answer(async () => {
      try {
        return await first(...args);
      } catch (error) {
        if (error instanceof Refused) return await then(...args);
        throw error;
      }
    });
}

/** The same calls with failures that are thrown. */
type Plain<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => Promise<GitLabAnswer<infer V>>
    ? (...args: A) => Promise<V>
    : never;
};

const TOKEN_FIELDS = 'id name createdAt lastUsedAt';
const AGENTS = `query($project: ID!, $name: String!) { project(fullPath: $project) { clusterAgent(name: $name) { id tokens { nodes { ${TOKEN_FIELDS} } } } } }`;
const CREATE = `mutation($project: ID!, $name: String!) { done: createClusterAgent(input: { projectPath: $project, name: $name }) { clusterAgent { id } errors } }`;
const CREATE_TOKEN = `mutation($agent: ClustersAgentID!, $name: String!, $description: String) { done: clusterAgentTokenCreate(input: { clusterAgentId: $agent, name: $name, description: $description }) { secret token { ${TOKEN_FIELDS} } errors } }`;
const REVOKE = `mutation($token: ClustersAgentTokenID!) { done: clusterAgentTokenRevoke(input: { id: $token }) { errors } }`;

function ofGraphql(ask: Ask): Plain<GitLabAgents> {
  const query = async (text: string, variables: JsonObject): Promise<JsonObject> => {
    const { body } = await ask('POST', 'graphql', { query: text, variables }).catch((error: unknown) => {
      if (error instanceof GitLabError && isRefusal(error.failure)) throw new Refused();
      throw error;
    });
    const { data, errors } = isObject(body) ? body : {};
    // Missing and forbidden, unknown fields of an old version: REST tells which.
    if (Array.isArray(errors) && errors.length > 0) throw new Refused();
    if (!isObject(data)) throw new Refused();
    return data;
  };
  const mutate = async (text: string, variables: JsonObject): Promise<JsonObject> => {
    const { done } = await query(text, variables);
    if (!isObject(done)) throw new Refused();
    const { errors } = done;
    if (Array.isArray(errors) && errors.length > 0) throw invalid(errors.map(String).join('; '));
    return done;
  };
  const agentOf = async (project: string, name: string): Promise<JsonObject | undefined> => {
    const data = await query(AGENTS, { project, name });
    // An unseen project is null without an error.
    if (!isObject(data.project)) throw new Refused();
    return isObject(data.project.clusterAgent) ? data.project.clusterAgent : undefined;
  };
  return {
    find: async (project, name) => {
      const agent = await agentOf(project, name);
      return agent && numberOf(agent.id);
    },
    create: async (project, name) => {
      const { clusterAgent } = await mutate(CREATE, { project, name });
      return numberOf((clusterAgent as JsonObject).id);
    },
    tokens: async (project, { name }) => {
      const tokens = (await agentOf(project, name))?.tokens;
      const nodes = isObject(tokens) && Array.isArray(tokens.nodes) ? tokens.nodes : [];
      return nodes
        .filter(isObject)
        .map(({ id, name: called, createdAt, lastUsedAt }) =>
          tokenInfo({ id: numberOf(id), name: called, created_at: createdAt, last_used_at: lastUsedAt }),
        );
    },
    createToken: async (_project, agent, { name, description }) => {
      const variables = { agent: globalId('Agent', agent), name, description };
      const { secret, token } = await mutate(CREATE_TOKEN, variables);
      const { id, createdAt } = token as JsonObject;
      return { ...tokenInfo({ id: numberOf(id), name, created_at: createdAt }), value: String(secret) };
    },
    revokeToken: async (_project, _agent, token) => {
      await mutate(REVOKE, { token: globalId('AgentToken', token) });
    },
  };
}

function ofRest(ask: Ask): Plain<GitLabAgents> {
  const base = (project: string): string => `${projectPath(project)}/cluster_agents`;
  return {
    find: async (project, name) => {
      const agents = await allPages(ask, base(project));
      const found = agents.find((agent) => agent.name === name);
      return found && Number(found.id);
    },
    create: async (project, name) => {
      const { body } = await ask('POST', base(project), { name });
      return Number((body as JsonObject).id);
    },
    tokens: async (project, { id }) => (await allPages(ask, `${base(project)}/${id}/tokens`)).map(tokenInfo),
    createToken: async (project, agent, token) => {
      const { body } = await ask('POST', `${base(project)}/${agent}/tokens`, token);
      const made = body as Record<string, unknown>;
      return { ...tokenInfo(made), value: String(made.token) };
    },
    revokeToken: async (project, agent, token) => {
      await ask('DELETE', `${base(project)}/${agent}/tokens/${token}`);
    },
  };
}

function tokenInfo({ id, name, created_at, last_used_at }: Record<string, unknown>): AgentTokenInfo {
  return {
    id: Number(id),
    name: String(name),
    createdAt: String(created_at),
    ...(typeof last_used_at === 'string' && { lastUsedAt: last_used_at }),
  };
}

/** An address that a proxy does not let through, or a verb that it does not like. A wrong token is wrong everywhere. */
function isRefusal({ status }: GitLabFailure): boolean {
  return [403, 404, 405, 410, 422].includes(status);
}

function invalid(message: string): GitLabError {
  return new GitLabError({ status: 200, code: 'invalid', message: `GitLab answered: ${message}` });
}

/** `gid://gitlab/Clusters::Agent/1`. */
function globalId(kind: 'Agent' | 'AgentToken', id: number): string {
  return `gid://gitlab/Clusters::${kind}/${id}`;
}

function numberOf(id: unknown): number {
  return Number(String(id).split('/').at(-1));
}
