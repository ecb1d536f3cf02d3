/** Agent records and their tokens; REST and GraphQL are two ways to the same rules. */
import { secret } from './access-token.ts';
import type { Project } from './project.ts';
import type { User } from './user.ts';
import type { World } from './world.ts';

export interface Agent {
  id: number;
  name: string;
  project: Project;
  createdAt: Date;
  createdBy: User;
  tokens: AgentToken[];
  /** What the agent server knows to be connected. */
  connections: { id: string; connectedAt: Date; version: string }[];
}

export interface AgentToken {
  id: number;
  name: string;
  description: string | null;
  agent: Agent;
  status: 'active' | 'revoked';
  createdAt: Date;
  createdBy: User;
  lastUsedAt: Date | null;
  value: string;
}

/** Every reason why a model is not valid, as GitLab words it. */
export class Invalid extends Error {
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(reasons.join(', '));
    this.reasons = reasons;
  }
}

const ACTIVE_TOKENS = 2;

export function addAgent(world: World, project: Project, user: User, name: string): Agent {
  const reasons = [
    ...(name.length > 63 ? ['Name is too long (maximum is 63 characters)'] : []),
    ...(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)
      ? []
      : ["Name can contain only lowercase letters, digits, and '-', but cannot start or end with '-'"]),
    ...(project.agents.some((agent) => agent.name === name) ? ['Name has already been taken'] : []),
  ];
  if (reasons.length > 0) throw new Invalid(reasons);
  const agent: Agent = {
    id: world.nextId('agent'),
    name,
    project,
    createdAt: world.now(),
    createdBy: user,
    tokens: [],
    connections: [],
  };
  project.agents.push(agent);
  return agent;
}

export function removeAgent(agent: Agent): void {
  agent.project.agents.splice(agent.project.agents.indexOf(agent), 1);
}

export function addAgentToken(
  world: World,
  agent: Agent,
  user: User,
  { name, description }: { name: string; description: string | null },
): AgentToken {
  if (world.version.atLeast('16.2') && activeTokens(agent).length >= ACTIVE_TOKENS)
    throw new Invalid(['An agent can have only two active tokens at a time']);
  if (name.trim() === '') throw new Invalid(["Name can't be blank"]);
  const token: AgentToken = {
    id: world.nextId('agent token'),
    name,
    description,
    agent,
    status: 'active',
    createdAt: world.now(),
    createdBy: user,
    lastUsedAt: null,
    value: secret('glagent-'),
  };
  agent.tokens.push(token);
  return token;
}

export function activeTokens(agent: Agent): AgentToken[] {
  return agent.tokens.filter(({ status }) => status === 'active');
}
