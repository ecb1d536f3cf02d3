import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  type ImpersonationConfig,
  ImpersonationConfigSchema,
} from '../../core/grpc/generated/kubernetes_api_pb.ts';
import { dig, type JsonObject } from '../../core/model/json.ts';
import type { AccessAs, CiGrant, ConfiguredAccess } from './configured-access.ts';
import { tokenKey } from './digest.ts';
import type { AgentIdentity } from './directory.ts';
import type { GitLabApi } from './gitlab-api.ts';
import { asJob, asPerson, type Roles } from './impersonation.ts';
import { type Lifetime, TimedCache } from './timed-cache.ts';
import type { Credential, Visitor, Visitors } from './visitors.ts';

export interface RegistryVisitorsOptions {
  api: GitLabApi;
  /** The agent of the registry that has this number. */
  agent: (id: bigint) => AgentIdentity | undefined;
  /** What the newest config.yaml of an agent says. Rejects with ConnectError. */
  configured: (agent: AgentIdentity) => Promise<ConfiguredAccess>;
  /** Of GitLab, as people see it; without a slash at the end. */
  gitlabUrl: string;
  lifetime: Lifetime;
  /** Ends what is asked. */
  signal: AbortSignal;
  now: () => number;
}

const MOST_KEPT = 20_000;
/** From this role on people may use an agent, as in GitLab. */
const DEVELOPER = 30;
/** Roles and their numbers in GitLab's API, from the least. */
const ROLES = [
  [10, 'guest'],
  [15, 'planner'],
  [20, 'reporter'],
  [DEVELOPER, 'developer'],
  [40, 'maintainer'],
  [50, 'owner'],
] as const;

/**
 * Registry mode: GitLab's public API says whose a token is, and the agent's config.yaml who may use the agent. What only
 * GitLab's own agent server is told (the groups above a job's project, its environment) is not known here.
 */
export class RegistryVisitors implements Visitors {
  readonly #options: RegistryVisitorsOptions;
  readonly #visitors: TimedCache<Visitor>;

  constructor(options: RegistryVisitorsOptions) {
    this.#options = options;
    this.#visitors = new TimedCache(options.lifetime, MOST_KEPT, options.now);
  }

  admit(credential: Credential, agentId: bigint): Promise<Visitor> {
    return this.#visitors.get(keyOf(credential, agentId), async () => {
      const agent = this.#options.agent(agentId);
      const { kind, token } = credential;
      // Whoever is nobody learns nothing of which agents there are.
      const answer = await (kind === 'ci'
        ? this.#options.api.job(token, this.#options.signal)
        : this.#options.api.user(token, this.#options.signal));
      if (!agent) throw new ConnectError('Forbidden: agentId is not allowed', Code.PermissionDenied);
      const access = await this.#options.configured(agent);
      return kind === 'ci'
        ? this.#job(answer, agent, access.ci)
        : await this.#person(answer, token, agent, access.user);
    });
  }

  isKnown(credential: Credential, agentId: bigint): boolean {
    return this.#visitors.holds(keyOf(credential, agentId));
  }

  #job(info: JsonObject, agent: AgentIdentity, { projects, groups }: ConfiguredAccess['ci']): Visitor {
    const { id, web_url: url } = info;
    const [pipeline, project] = [dig(info, 'pipeline', 'id'), dig(info, 'pipeline', 'project_id')];
    const username = dig(info, 'user', 'username');
    const path = projectPathOf(url, this.#options.gitlabUrl);
    if (
      typeof id !== 'number' ||
      typeof pipeline !== 'number' ||
      typeof project !== 'number' ||
      typeof username !== 'string' ||
      path === undefined
    )
      throw unexpected('job');
    const accessAs = grantOf(path, agent.project.path, projects, groups);
    if (!accessAs) {
      const hint = `ci_access of the agent's config.yaml names neither ${path} nor a group of it`;
      throw new ConnectError(`Forbidden: ${hint}`, Code.PermissionDenied);
    }
    const job = { id, pipelineId: pipeline, projectId: project, groups: [], username };
    const impersonation = impersonationOf(accessAs, () =>
      asJob(job, { id: agent.id, configProjectId: Number(agent.project.id) }),
    );
    return {
      ...(impersonation && { impersonation }),
      who: { job: id, pipeline, project: path, user: username },
    };
  }

  async #person(
    info: JsonObject,
    token: string,
    agent: AgentIdentity,
    access: ConfiguredAccess['user'],
  ): Promise<Visitor> {
    const { id, username } = info;
    if (typeof id !== 'number' || typeof username !== 'string') throw unexpected('user');
    if (!access)
      throw new ConnectError("Forbidden: the agent's config.yaml has no user_access", Code.PermissionDenied);
    const own = agent.project.path;
    const [projects, groups] = await Promise.all([
      this.#levels('projects', [...new Set([own, ...access.projects])], id, token),
      this.#levels('groups', access.groups, id, token),
    ]);
    if (projects.size + groups.size === 0) {
      const hint = `${username} is a Developer neither of ${own} nor of what its user_access names`;
      throw new ConnectError(`Forbidden: ${hint}`, Code.PermissionDenied);
    }
    const who = { user: username, user_id: id };
    if (access.accessAs.kind === 'agent') return { who };
    const [ofProjects, ofGroups] = await Promise.all([
      this.#roles('projects', projects, token),
      this.#roles('groups', groups, token),
    ]);
    const person = { id, username, projects: ofProjects, groups: ofGroups };
    const used = { id: agent.id, configProjectId: Number(agent.project.id) };
    return { impersonation: asPerson(person, used), who };
  }

  /** Those in which the person is at least a Developer, by path, with the number of the highest role. */
  async #levels(
    kind: 'projects' | 'groups',
    paths: readonly string[],
    userId: number,
    token: string,
  ): Promise<Map<string, number>> {
    const { api, signal } = this.#options;
    const levels = new Map<string, number>();
    const ask = async (path: string): Promise<void> => {
      try {
        const { access_level: level } = await api.member(kind, path, userId, token, signal);
        if (typeof level === 'number' && level >= DEVELOPER) levels.set(path, level);
      } catch (error) {
        const { code } = ConnectError.from(error);
        if (code !== Code.NotFound && code !== Code.PermissionDenied) throw error;
      }
    };
    await Promise.all(paths.map(ask));
    return levels;
  }

  /** With the numbers of the projects or groups, as GitLab's own names of roles have them. */
  #roles(kind: 'projects' | 'groups', levels: ReadonlyMap<string, number>, token: string): Promise<Roles[]> {
    const { api, signal } = this.#options;
    const ask = async ([path, level]: [string, number]): Promise<Roles> => {
      const { id } = await api.place(kind, path, token, signal);
      if (typeof id !== 'number') throw unexpected(kind);
      return { id, roles: ROLES.filter(([least]) => least <= level).map(([, role]) => role) };
    };
    return Promise.all([...levels].map(ask));
  }
}

function keyOf({ kind, token }: Credential, agentId: bigint): string {
  return `${kind} ${agentId} ${tokenKey(token)}`;
}

/** The most specific entry wins: the project, then the nearest group. The configuration project always may. */
function grantOf(
  project: string,
  configProject: string,
  projects: readonly CiGrant[],
  groups: readonly CiGrant[],
): AccessAs | undefined {
  const path = project.toLowerCase();
  const usable = (grant: CiGrant): boolean => !grant.isLimited;
  const own = projects.find((grant) => grant.path.toLowerCase() === path);
  if (own) return usable(own) ? own.accessAs : undefined;
  const [nearest] = groups
    .filter((grant) => path.startsWith(`${grant.path.toLowerCase()}/`))
    .sort((a, b) => b.path.length - a.path.length);
  if (nearest) return usable(nearest) ? nearest.accessAs : undefined;
  return path === configProject.toLowerCase() ? { kind: 'agent' } : undefined;
}

function impersonationOf(
  accessAs: AccessAs,
  own: () => ImpersonationConfig,
): ImpersonationConfig | undefined {
  if (accessAs.kind === 'agent') return undefined;
  if (accessAs.kind !== 'impersonate') return own();
  const { username, groups, uid, extra } = accessAs;
  return create(ImpersonationConfigSchema, { username, groups, ...(uid !== undefined && { uid }), extra });
}

/** From the URL of a job: `https://gitlab.example.com/group/project/-/jobs/1`. */
function projectPathOf(url: unknown, gitlabUrl: string): string | undefined {
  const parsed = typeof url === 'string' ? URL.parse(url) : null;
  const root = URL.parse(gitlabUrl)?.pathname.replace(/\/$/, '') ?? '';
  const [, path] = /^\/(.+)\/-\/jobs\/\d+$/.exec(parsed?.pathname.slice(root.length) ?? '') ?? [];
  return path;
}

function unexpected(call: string): ConnectError {
  return new ConnectError(`GitLab's answer to ${call} lacks what it has to say`, Code.Unavailable);
}
