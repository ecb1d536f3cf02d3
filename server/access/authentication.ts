import { Code, ConnectError, createContextKey, type Interceptor } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import { type AgentConnection, CONNECTION } from '../transport/connection.ts';
import { PerMinute } from './attempts.ts';
import { tokenKey } from './digest.ts';
import type { AgentAccess, Directory } from './directory.ts';

export interface AuthenticationOptions {
  directory: Directory;
  callsPerTokenPerMinute: number;
  log: Log;
  now: () => number;
}

/** Where handlers find who calls: `context.values.get(ACCESS)`. Every call that gets to a handler has it. */
export const ACCESS = createContextKey<AgentAccess | undefined>(undefined, { description: 'access' });

/** Attempts with a bad token in a minute. Whoever has a good one is let in all the same. */
const FAILURES_PER_ADDRESS = 60;
const FAILURES_PER_TOKEN = 10;
/** Longer than any token of GitLab. */
const MOST_TOKEN_CHARACTERS = 512;

/** Lets only calls through that carry a good token, and not too many of them. */
export function authentication(options: AuthenticationOptions): Interceptor {
  const { directory, callsPerTokenPerMinute, log, now } = options;
  const calls = new PerMinute(callsPerTokenPerMinute, now);
  const ofAddress = new PerMinute(FAILURES_PER_ADDRESS, now);
  const ofToken = new PerMinute(FAILURES_PER_TOKEN, now);

  const admit = async (
    token: string,
    { address }: AgentConnection,
    signal: AbortSignal,
  ): Promise<AgentAccess> => {
    const key = tokenKey(token);
    if ((ofAddress.isExhausted(address) || ofToken.isExhausted(key)) && !directory.isKnown(token))
      throw new ConnectError('too many failed attempts, try again in a minute', Code.ResourceExhausted);
    if (calls.isExhausted(key))
      throw new ConnectError(
        'new connection rate limit exhausted for this agent, try again later',
        Code.ResourceExhausted,
      );
    calls.add(key);
    try {
      return await directory.admit(token, signal);
    } catch (error) {
      if (isRefusal(error)) {
        const isLast = ofAddress.add(address);
        if (ofToken.add(key) || isLast) log.warn('Too many failed attempts', { address });
      }
      throw error;
    }
  };

  return (next) => async (request) => {
    const connection = request.contextValues.get(CONNECTION);
    const token = bearerToken(request.header.get('authorization'));
    if (token === undefined)
      throw new ConnectError('unauthenticated: there is no token', Code.Unauthenticated);
    request.contextValues.set(ACCESS, await admit(token, connection, request.signal));
    return next(request);
  };
}

/** Undefined where there is none that could be one. */
function bearerToken(header: string | null): string | undefined {
  const [, token] = /^bearer +([\x21-\x7e]+)$/i.exec(header ?? '') ?? [];
  // Several headers of the name would have been joined by a comma.
  return token !== undefined && token.length <= MOST_TOKEN_CHARACTERS && !token.includes(',')
    ? token
    : undefined;
}

function isRefusal(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return code === Code.Unauthenticated || code === Code.PermissionDenied;
}
