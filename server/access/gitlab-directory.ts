import { Code, ConnectError } from '@connectrpc/connect';
import { dig, type JsonObject } from '../../core/model/json.ts';
import { tokenKey } from './digest.ts';
import type { AgentAccess, AgentIdentity, Directory, ProjectIdentity } from './directory.ts';
import type { GitLabApi } from './gitlab-api.ts';
import { lifetimes, TimedCache } from './timed-cache.ts';

export interface GitLabDirectoryOptions {
  api: GitLabApi;
  /** How long an answer holds, in ms, and how long a refusal. */
  info: { ttl: number; errorTtl: number };
  project: { ttl: number; errorTtl: number };
  /** Ends what is asked. */
  signal: AbortSignal;
  now: () => number;
}

const MOST_TOKENS = 20_000;
const MOST_PROJECTS = 100_000;

/** GitLab mode: GitLab says which agents there are, and what each may read. */
export class GitLabDirectory implements Directory {
  readonly #options: GitLabDirectoryOptions;
  readonly #agents: TimedCache<AgentIdentity>;
  readonly #projects: TimedCache<ProjectIdentity>;

  constructor(options: GitLabDirectoryOptions) {
    this.#options = options;
    this.#agents = new TimedCache(lifetimes(options.info), MOST_TOKENS, options.now);
    this.#projects = new TimedCache(lifetimes(options.project), MOST_PROJECTS, options.now);
  }

  async admit(token: string): Promise<AgentAccess> {
    const { api, signal } = this.#options;
    const key = tokenKey(token);
    const ask = (): Promise<AgentIdentity> =>
      this.#agents.get(key, async () => agentOf(await api.agentInfo(token, signal)));
    return {
      agent: await ask(),
      check: async () => void (await ask()),
      project: (idOrPath) =>
        this.#projects
          .get(`${key} ${idOrPath}`, async () => {
            const info = await api.projectInfo(token, idOrPath, signal);
            // GitLab has looked at the token, too.
            this.#agents.renew(key);
            return projectOf(info);
          })
          .catch((error: unknown) => {
            const { code } = ConnectError.from(error);
            if (code !== Code.NotFound && code !== Code.PermissionDenied) throw error;
            const message = `project ${JSON.stringify(idOrPath)} is not there, or this agent may not read it`;
            throw new ConnectError(message, code);
          }),
    };
  }

  isKnown(token: string): boolean {
    return this.#agents.holds(tokenKey(token));
  }
}

function agentOf(info: JsonObject): AgentIdentity {
  const { agent_id: id, agent_name: name } = info;
  if (!isId(id) || typeof name !== 'string' || !/^[a-z0-9-]{1,63}$/.test(name))
    throw unexpected('agent_info');
  return { id: BigInt(id), name, project: projectOf(info) };
}

function projectOf(info: JsonObject): ProjectIdentity {
  const path = dig(info, 'gitaly_repository', 'gl_project_path');
  if (
    !isId(info.project_id) ||
    typeof path !== 'string' ||
    path.split('/').some((part) => !/^\w[\w.-]*$/.test(part))
  )
    throw unexpected('project_info');
  return { id: BigInt(info.project_id), path };
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function unexpected(call: string): ConnectError {
  return new ConnectError(`GitLab's answer to ${call} lacks what it has to say`, Code.Unavailable);
}
