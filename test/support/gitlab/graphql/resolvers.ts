/** What the fields of the schema are. Who may not see something gets null; who may not change it, an error. */
import { GraphQLError } from 'graphql';
import {
  type Agent,
  type AgentToken,
  activeTokens,
  addAgent,
  addAgentToken,
  Invalid,
  removeAgent,
} from '../agents.ts';
import { accessLevel, maySee } from '../permissions.ts';
import type { Project } from '../project.ts';
import { ROLES, type Role } from '../roles.ts';
import type { User } from '../user.ts';
import type { World } from '../world.ts';
import { globalId } from './schema.ts';

export interface Context {
  world: World;
  user: User | undefined;
  /** Whether the token's scope allows changes. */
  mayWrite: boolean;
}

const UNAVAILABLE =
  "The resource that you are attempting to access does not exist or you don't have permission to perform this action";

/** Times have seconds here. */
const time = (date: Date | null): string | null => date && `${date.toISOString().slice(0, 19)}Z`;

const userNode = (user: User): object => ({
  id: globalId('User', user.id),
  username: user.username,
  name: user.name,
});

interface Paging {
  first?: number;
  after?: string;
}

const MOST = 100;

/** At most 100 nodes; cursors are opaque. */
function connection<T>(items: readonly T[], { first, after }: Paging, show: (item: T) => object): object {
  const start = after === undefined ? 0 : Number(Buffer.from(after, 'base64').toString());
  const end = Math.min(start + Math.min(first ?? MOST, MOST), items.length);
  const cursor = (at: number): string => Buffer.from(String(at)).toString('base64');
  return {
    count: items.length,
    nodes: items.slice(start, end).map(show),
    pageInfo: {
      hasNextPage: end < items.length,
      hasPreviousPage: start > 0,
      startCursor: cursor(start),
      endCursor: cursor(end),
    },
  };
}

function projectNode(project: Project, context: Context): object {
  const reads = accessLevel(project, context.user) >= ROLES.developer;
  return {
    id: globalId('Project', project.id),
    name: project.name,
    fullPath: project.path,
    webUrl: project.webUrl,
    clusterAgent: ({ name }: { name: string }) => {
      const agent = project.agents.find((one) => one.name === name);
      return agent && reads ? agentNode(agent, context) : null;
    },
    clusterAgents: ({ name, ...paging }: { name?: string } & Paging) => {
      const agents = project.agents.filter((agent) => name === undefined || agent.name === name);
      return reads ? connection(agents, paging, (agent) => agentNode(agent, context)) : null;
    },
  };
}

function agentNode(agent: Agent, context: Context): object {
  return {
    id: globalId('Clusters::Agent', agent.id),
    name: agent.name,
    createdAt: time(agent.createdAt),
    updatedAt: time(agent.createdAt),
    webPath: `/${agent.project.path}/-/cluster_agents/${agent.name}`,
    createdByUser: userNode(agent.createdBy),
    project: () => projectNode(agent.project, context),
    tokens: (paging: Paging) => connection(activeTokens(agent), paging, (token) => tokenNode(token, context)),
    connections: {
      nodes: agent.connections.map(({ id, connectedAt, version }) => ({
        connectionId: id,
        connectedAt: time(connectedAt),
        metadata: { version },
      })),
    },
  };
}

function tokenNode(token: AgentToken, context: Context): object {
  return {
    id: globalId('Clusters::AgentToken', token.id),
    name: token.name,
    description: token.description,
    status: token.status.toUpperCase(),
    createdAt: time(token.createdAt),
    createdByUser: userNode(token.createdBy),
    lastUsedAt: time(token.lastUsedAt),
    clusterAgent: () => agentNode(token.agent, context),
  };
}

/** The user, if they have that role there; missing and forbidden look the same. */
function writer({ user, mayWrite }: Context, project: Project | undefined, role: Role = 'maintainer'): User {
  if (!project || !user || !mayWrite || accessLevel(project, user) < ROLES[role])
    throw new GraphQLError(UNAVAILABLE);
  return user;
}

/** Validation is no error of the request: it is in the payload. */
function payload(make: () => object, empty: object): object {
  try {
    return { ...make(), errors: [] };
  } catch (error) {
    if (error instanceof Invalid) return { ...empty, errors: error.reasons };
    throw error;
  }
}

type Input<T> = { input: T };

export const root = {
  currentUser: (_: unknown, { user }: Context) => user && userNode(user),

  metadata: (_: unknown, { user, world }: Context) =>
    user && {
      version: world.version.text,
      revision: 'c401a659d0c',
      enterprise: world.version.text.endsWith('-ee'),
    },

  project: ({ fullPath }: { fullPath: string }, context: Context) => {
    const project = context.world.projectAt(fullPath);
    return project && maySee(project, context.user) ? projectNode(project, context) : null;
  },

  createClusterAgent: (
    { input: { projectPath, name } }: Input<{ projectPath: string; name: string }>,
    context: Context,
  ) => {
    const project = context.world.projectAt(projectPath);
    const user = writer(context, project);
    const make = (): object => ({
      clusterAgent: agentNode(addAgent(context.world, project!, user, name), context),
    });
    return payload(make, { clusterAgent: null });
  },

  clusterAgentDelete: ({ input: { id } }: Input<{ id: number }>, context: Context) => {
    const agent = findAgent(context.world, id);
    writer(context, agent?.project);
    removeAgent(agent!);
    return { errors: [] };
  },

  clusterAgentTokenCreate: (
    { input }: Input<{ clusterAgentId: number; name: string; description?: string }>,
    context: Context,
  ) => {
    const { clusterAgentId, name, description = null } = input;
    const agent = findAgent(context.world, clusterAgentId);
    const user = writer(context, agent?.project);
    const make = (): object => {
      const token = addAgentToken(context.world, agent!, user, { name, description });
      return { secret: token.value, token: tokenNode(token, context) };
    };
    return payload(make, { secret: null, token: null });
  },

  clusterAgentTokenRevoke: ({ input: { id } }: Input<{ id: number }>, context: Context) => {
    const tokens = context.world.projects.flatMap(({ agents }) => agents.flatMap((agent) => agent.tokens));
    const token = tokens.find((one) => one.id === id);
    writer(context, token?.agent.project);
    token!.status = 'revoked';
    return { errors: [] };
  },
};

function findAgent(world: World, id: number): Agent | undefined {
  return world.projects.flatMap(({ agents }) => agents).find((agent) => agent.id === id);
}
