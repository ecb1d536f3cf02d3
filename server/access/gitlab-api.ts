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

const PREFIX = '/api/v4/internal/kubernetes';
const TIMEOUT = 20_000;
/** Answers are small. */
const MOST_BYTES = 1024 * 1024;
/** How long a request may be under way, in s. */
const LIFETIME = 30;

/** GitLab's internal API for its agent server. Rejects with ConnectError: the code says who is to blame. */
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
    return this.#json('/agent_info', token, signal);
  }

  /** Of a project that this agent may read. */
  projectInfo(token: string, idOrPath: string, signal: AbortSignal): Promise<JsonObject> {
    return this.#json(`/project_info?id=${encodeURIComponent(idOrPath)}`, token, signal);
  }

  /** How often things were done since the last time. */
  async countUsage(counters: Readonly<Record<string, number>>, signal: AbortSignal): Promise<void> {
    await this.#send('/usage_metrics', { method: 'POST', body: JSON.stringify({ counters }) }, signal);
  }

  /** What the agent's configuration says: the whole file. NOT_FOUND for an agent that is gone. */
  async configureAgent(agentId: bigint, configuration: JsonObject, signal: AbortSignal): Promise<void> {
    const body = stringifyJson({ agent_id: agentId, agent_config: configuration });
    await this.#send('/agent_configuration', { method: 'POST', body }, signal);
  }

  async #json(path: string, token: string, signal: AbortSignal): Promise<JsonObject> {
    const text = await this.#send(path, { headers: { authorization: `Bearer ${token}` } }, signal);
    const value = parse(text);
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
      response = await fetch(`${url}${PREFIX}${path}`, {
        ...init,
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          'user-agent': userAgent,
          'gitlab-kas-api-request': await this.#signature(),
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
