import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  type ImpersonationConfig,
  ImpersonationConfigSchema,
} from '../../core/grpc/generated/kubernetes_api_pb.ts';
import { dig, isObject, type Json, type JsonObject } from '../../core/model/json.ts';
import { tokenKey } from './digest.ts';
import type { GitLabApi } from './gitlab-api.ts';
import { asJob, asPerson, type Job, type Roles } from './impersonation.ts';
import { type Lifetime, TimedCache } from './timed-cache.ts';
import type { Credential, Visitor, Visitors } from './visitors.ts';

export interface GitLabVisitorsOptions {
  api: GitLabApi;
  lifetime: Lifetime;
  /** Ends what is asked. */
  signal: AbortSignal;
  now: () => number;
}

/** Of each kind. */
const MOST_KEPT = 20_000;

/** GitLab mode: GitLab says which jobs and people may use an agent, and as whom. */
export class GitLabVisitors implements Visitors {
  readonly #api: GitLabApi;
  readonly #signal: AbortSignal;
  readonly #jobs: TimedCache<JsonObject>;
  readonly #people: TimedCache<JsonObject>;

  constructor({ api, lifetime, signal, now }: GitLabVisitorsOptions) {
    this.#api = api;
    this.#signal = signal;
    this.#jobs = new TimedCache(lifetime, MOST_KEPT, now);
    this.#people = new TimedCache(lifetime, MOST_KEPT, now);
  }

  async admit({ kind, token }: Credential, agentId: bigint): Promise<Visitor> {
    const key = tokenKey(token);
    if (kind === 'ci')
      return jobVisitor(
        await this.#jobs.get(key, () => this.#api.allowedAgents(token, this.#signal)),
        agentId,
      );
    const ask = (): Promise<JsonObject> =>
      this.#api.authorizeProxyUser(agentId, token, this.#signal).catch((error: unknown) => {
        const { code } = ConnectError.from(error);
        if (code !== Code.NotFound && code !== Code.PermissionDenied) throw error;
        throw new ConnectError(
          'Unauthorized: the token does not let its owner use this agent',
          Code.Unauthenticated,
        );
      });
    return personVisitor(await this.#people.get(`${key} ${agentId}`, ask), agentId);
  }

  isKnown({ kind, token }: Credential, agentId: bigint): boolean {
    const key = tokenKey(token);
    return kind === 'ci' ? this.#jobs.holds(key) : this.#people.holds(`${key} ${agentId}`);
  }
}

/** From GitLab's answer to `job/allowed_agents`. */
function jobVisitor(info: JsonObject, agentId: bigint): Visitor {
  const { allowed_agents: agents } = info;
  const found = listOf(agents, 'allowed_agents').find(
    (agent) => BigInt(numberOf(agent.id, 'id')) === agentId,
  );
  if (!found) throw new ConnectError('Forbidden: agentId is not allowed', Code.PermissionDenied);
  const slug = dig(info, 'environment', 'slug');
  const job: Job = {
    id: numberOf(dig(info, 'job', 'id'), 'job.id'),
    pipelineId: numberOf(dig(info, 'pipeline', 'id'), 'pipeline.id'),
    projectId: numberOf(dig(info, 'project', 'id'), 'project.id'),
    groups: listOf(dig(info, 'project', 'groups') ?? [], 'project.groups').map(({ id }) =>
      numberOf(id, 'group'),
    ),
    username: textOf(dig(info, 'user', 'username'), 'user.username'),
    ...(typeof slug === 'string' && {
      environment: { slug, tier: String(dig(info, 'environment', 'tier') ?? '') },
    }),
  };
  const configProjectId = numberOf(dig(found, 'config_project', 'id'), 'config_project.id');
  const impersonation = ciImpersonation(dig(found, 'configuration', 'access_as'), () =>
    asJob(job, { id: agentId, configProjectId }),
  );
  const { id, pipelineId, projectId, username } = job;
  return {
    ...(impersonation && { impersonation }),
    who: { job: id, pipeline: pipelineId, project: projectId, user: username },
  };
}

function ciImpersonation(
  accessAs: Json | undefined,
  job: () => ImpersonationConfig,
): ImpersonationConfig | undefined {
  if (!isObject(accessAs) || 'agent' in accessAs) return undefined;
  if ('ci_job' in accessAs) return job();
  const { impersonate } = accessAs;
  // As whom is not known: not as the agent, which may do more.
  if (!isObject(impersonate)) {
    if (Object.keys(accessAs).length === 0) return undefined;
    throw new ConnectError(
      `access_as ${Object.keys(accessAs).join(', ')} is not known here`,
      Code.PermissionDenied,
    );
  }
  const texts = (value: Json | undefined, what: string): string[] =>
    value === undefined || value === null
      ? []
      : Array.isArray(value)
        ? value.map((item) => textOf(item, what))
        : [textOf(value, what)];
  return create(ImpersonationConfigSchema, {
    username: textOf(impersonate.username, 'username'),
    groups: texts(impersonate.groups, 'groups'),
    ...(typeof impersonate.uid === 'string' && { uid: impersonate.uid }),
    extra: listOf(impersonate.extra ?? [], 'extra').map(({ key, val }) => ({
      key: textOf(key, 'key'),
      val: texts(val, 'val'),
    })),
  });
}

/** From GitLab's answer to `authorize_proxy_user`. */
function personVisitor(info: JsonObject, agentId: bigint): Visitor {
  const id = numberOf(dig(info, 'user', 'id'), 'user.id');
  const username = textOf(dig(info, 'user', 'username'), 'user.username');
  const who = { user: username, user_id: id };
  const { access_as: accessAs } = info;
  if (isObject(accessAs) && 'agent' in accessAs) return { who };
  const user = isObject(accessAs) ? accessAs.user : undefined;
  if (!isObject(user)) throw unexpected('access_as');
  const roles = (value: Json | undefined): Roles[] =>
    listOf(value ?? [], 'access_as.user').map((item) => ({
      id: numberOf(item.id, 'id'),
      roles: Array.isArray(item.roles) ? item.roles.map((role) => textOf(role, 'role')) : [],
    }));
  const person = { id, username, projects: roles(user.projects), groups: roles(user.groups) };
  const configProjectId = numberOf(dig(info, 'agent', 'config_project', 'id'), 'agent.config_project.id');
  return { impersonation: asPerson(person, { id: agentId, configProjectId }), who };
}

function listOf(value: Json | undefined, what: string): JsonObject[] {
  if (Array.isArray(value) && value.every(isObject)) return value;
  throw unexpected(what);
}

function numberOf(value: Json | undefined, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  throw unexpected(what);
}

function textOf(value: Json | undefined, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw unexpected(what);
}

function unexpected(what: string): ConnectError {
  return new ConnectError(`GitLab's answer lacks what it has to say (${what})`, Code.Unavailable);
}
