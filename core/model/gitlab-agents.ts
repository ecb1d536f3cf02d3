import type { GitLabAnswer } from './gitlab.ts';

/** A token with which an agent calls an agent server. Its value is told once, when it is made. */
export interface AgentTokenInfo {
  id: number;
  name: string;
  /** RFC 3339. */
  createdAt: string;
  /** RFC 3339; absent where it was never used, or that is not told. */
  lastUsedAt?: string;
}

/** Agent records of GitLab and their tokens, of which an agent has at most two ("Cluster agents API"). */
export interface GitLabAgents {
  /** Undefined where the project has no agent of that name, or one may not know. */
  find(project: string, name: string): Promise<GitLabAnswer<number | undefined>>;
  /** The answer is the agent's number. */
  create(project: string, name: string): Promise<GitLabAnswer<number>>;
  /** The tokens that are good. */
  tokens(project: string, agent: { id: number; name: string }): Promise<GitLabAnswer<AgentTokenInfo[]>>;
  createToken(
    project: string,
    agent: number,
    token: { name: string; description: string },
  ): Promise<GitLabAnswer<AgentTokenInfo & { value: string }>>;
  revokeToken(project: string, agent: number, token: number): Promise<GitLabAnswer<void>>;
}

/** A deploy token of a project as it is listed. */
export interface DeployTokenInfo {
  id: number;
  name: string;
  username: string;
}

/** Tokens of a project that only fetch. */
export interface GitLabDeployTokens {
  /** Those that are good. */
  list(project: string): Promise<GitLabAnswer<DeployTokenInfo[]>>;
  create(project: string, name: string): Promise<GitLabAnswer<DeployTokenInfo & { value: string }>>;
}
