/** An agent, as GitLab or the registry knows it. */
export interface AgentIdentity {
  id: bigint;
  name: string;
  /** Its configuration project. */
  project: ProjectIdentity;
}

/** `id` is 0 where nobody knows it. `path` is the full path. */
export interface ProjectIdentity {
  id: bigint;
  path: string;
}

/** What a token opens. Holds the token, and shows it to nobody. All calls reject with ConnectError where they are refused. */
export interface AgentAccess {
  readonly agent: AgentIdentity;
  /** Whether the token still is good. */
  check(signal: AbortSignal): Promise<void>;
  /** The project, by full path or number, where the agent may read it. */
  project(idOrPath: string, signal: AbortSignal): Promise<ProjectIdentity>;
}

/** Who says which agents there are, and what each may read. */
export interface Directory {
  /** Rejects with ConnectError: UNAUTHENTICATED for a token that nobody knows. */
  admit(token: string, signal: AbortSignal): Promise<AgentAccess>;
  /** Whether the token was good a moment ago: no question has to be asked for it. */
  isKnown(token: string): boolean;
}
