import { Code, ConnectError } from '@connectrpc/connect';
import { pause } from '../../core/daemon/time.ts';
import { describeConnectionError, type NodeError } from '../../core/model/connection-error.ts';
import { type Json, type JsonObject, stringifyJson } from '../../core/model/json.ts';
import { CLOCK_SKEW, keyOf, signToken } from './json-web-token.ts';

export interface GitLabApiOptions {
  /** Without a slash at the end. */
  url: string;
  /** The shared secret, base64; read for each request, for it may be exchanged. */
  secret: () => Promise<string | undefined>;
  userAgent: string;
  rate: { perSecond: number; burst: number };
  now: () => number;
}

const PUBLIC = '/api/v4';
/** Only for who has the secret. */
const INTERNAL = `${PUBLIC}/internal/kubernetes`;
const TIMEOUT = 20_000;
/** Answers are small. */
const MOST_BYTES = 1024 * 1024;
/** How long a request may be under way, in s. */
const LIFETIME = 30;

/** GitLab's API, as its agent server needs it. Rejects with ConnectError: the code says who is to blame. */
export class GitLabApi {
  readonly #options: GitLabApiOptions;
  /** Below 0 they are those that wait. */
  #tokens: number;
  #filledAt: number;

  constructor(options: GitLabApiOptions) {
    this.#options = options;
    this.#tokens = options.rate.burst;
    this.#filledAt = options.now();
  }

  /** Of the agent that the token is of. */
  agentInfo(token: string, signal: AbortSignal): Promise<JsonObject> {
    return this.#json(`${INTERNAL}/agent_info`, { headers: bearer(token) }, signal);
  }

  /** Of a project that this agent may read. */
  projectInfo(token: string, idOrPath: string, signal: AbortSignal): Promise<JsonObject> {
    const path = `${INTERNAL}/project_info?id=${encodeURIComponent(idOrPath)}`;
    return this.#json(path, { headers: bearer(token) }, signal);
  }

  /** How often things were done since the last time. */
  async countUsage(counters: Readonly<Record<string, number>>, signal: AbortSignal): Promise<void> {
    await this.#send(
      `${INTERNAL}/usage_metrics`,
      { method: 'POST', body: JSON.stringify({ counters }) },
      signal,
    );
  }

  /** What the agent's configuration says: the whole file. NOT_FOUND for an agent that is gone. */
  async configureAgent(agentId: bigint, configuration: JsonObject, signal: AbortSignal): Promise<void> {
    const body = stringifyJson({ agent_id: agentId, agent_config: configuration });
    await this.#send(`${INTERNAL}/agent_configuration`, { method: 'POST', body }, signal);
  }

  /** As whom a person may use an agent. */
  authorizeProxyUser(agentId: bigint, token: string, signal: AbortSignal): Promise<JsonObject> {
    const body = { agent_id: Number(agentId), access_type: 'personal_access_token', access_key: token };
    return this.#json(
      `${INTERNAL}/authorize_proxy_user`,
      { method: 'POST', body: JSON.stringify(body) },
      signal,
    );
  }

  /** The agents that a job may use, and what is known of the job. */
  allowedAgents(jobToken: string, signal: AbortSignal): Promise<JsonObject> {
    return this.#json(`${PUBLIC}/job/allowed_agents`, { headers: { 'job-token': jobToken } }, signal);
  }

  /** The job that the token is of. */
  job(jobToken: string, signal: AbortSignal): Promise<JsonObject> {
    return this.#json(`${PUBLIC}/job`, { headers: { 'job-token': jobToken } }, signal);
  }

  /** The person that the token is of. */
  user(token: string, signal: AbortSignal): Promise<JsonObject> {
    return this.#json(`${PUBLIC}/user`, { headers: bearer(token) }, signal);
  }

  /** What a person is in a project or group, with what comes from groups above; NOT_FOUND: nothing. */
  member(
    kind: 'projects' | 'groups',
    path: string,
    userId: number,
    token: string,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const of = `${PUBLIC}/${kind}/${encodeURIComponent(path)}/members/all/${userId}`;
    return this.#json(of, { headers: bearer(token) }, signal);
  }

  /** A project or group by its path. */
  place(kind: 'projects' | 'groups', path: string, token: string, signal: AbortSignal): Promise<JsonObject> {
    return this.#json(`${PUBLIC}/${kind}/${encodeURIComponent(path)}`, { headers: bearer(token) }, signal);
  }

  async #json(path: string, init: RequestInit, signal: AbortSignal): Promise<JsonObject> {
    const value = parse(await this.#send(path, init, signal));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    throw new ConnectError('GitLab answers with something else than JSON', Code.Unavailable);
  }

  async #send(path: string, init: RequestInit, signal: AbortSignal): Promise<string> {
    const { url, userAgent } = this.#options;
    await this.#turn(signal);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]);
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${url}${path}`, {
        ...init,
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          'user-agent': userAgent,
          ...(path.startsWith(INTERNAL) && { 'gitlab-kas-api-request': await this.#signature() }),
          ...init.headers,
        },
        // The token must not go elsewhere.
        redirect: 'manual',
        signal: limit,
      });
      text = await bodyOf(response);
    } catch (error) {
      throw unreachable(error, url, signal);
    }
    if (response.ok) return text;
    throw refusal(response.status);
  }

  /** Says that this is the agent server. */
  async #signature(): Promise<string> {
    const secret = await this.#options.secret();
    if (!secret) throw new ConnectError("the secret for GitLab's API can't be read", Code.Unavailable);
    const now = Math.floor(this.#options.now() / 1000);
    const claims = { iss: 'gitlab-kas', aud: 'gitlab', iat: now, nbf: now - CLOCK_SKEW, exp: now + LIFETIME };
    return signToken(claims, keyOf(secret));
  }

  /** Waits until one more request is allowed: whoever came first goes first. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { rate, now } = this.#options;
    const at = now();
    this.#tokens = Math.min(rate.burst, this.#tokens + ((at - this.#filledAt) / 1000) * rate.perSecond) - 1;
    this.#filledAt = at;
    await pause(Math.ceil((-this.#tokens / rate.perSecond) * 1000), signal);
    if (signal.aborted) throw new ConnectError('unavailable', Code.Unavailable);
  }
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

async function bodyOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new ConnectError('the answer of GitLab is too large', Code.Unavailable);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function unreachable(error: unknown, url: string, signal: AbortSignal): ConnectError {
  if (error instanceof ConnectError) return error;
  if (signal.aborted) return new ConnectError('unavailable', Code.Unavailable);
  const { cause, name } = error as Error;
  if (name === 'TimeoutError') return new ConnectError('GitLab does not answer in time', Code.Unavailable);
  // What the agent is told does not tell where GitLab is inside of somebody's network.
  const [reason] = describeConnectionError((cause ?? error) as NodeError, url);
  return new ConnectError(`GitLab can't be asked (${reason})`, Code.Unavailable);
}

function refusal(status: number): ConnectError {
  if (status === 401) return new ConnectError('unauthenticated', Code.Unauthenticated);
  if (status === 403) return new ConnectError('forbidden', Code.PermissionDenied);
  if (status === 404) return new ConnectError('not found', Code.NotFound);
  return new ConnectError(`GitLab answers ${status}`, Code.Unavailable);
}
