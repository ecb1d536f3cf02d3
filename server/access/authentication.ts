import { Code, ConnectError, createContextKey } from '@connectrpc/connect';
import type { Log } from '../../core/daemon/log.ts';
import { type AgentConnection, CONNECTION } from '../transport/connection.ts';
import type { Gate } from '../transport/observe-calls.ts';
import { PerMinute } from './attempts.ts';
import { tokenKey } from './digest.ts';
import type { AgentAccess, Directory } from './directory.ts';
import { FailedAttempts } from './failed-attempts.ts';

export interface AuthenticationOptions {
  directory: Directory;
  callsPerTokenPerMinute: number;
  /** Told of a connection by which somebody came with a token that is not good, or no longer. */
  onRefused: (connection: AgentConnection) => void;
  log: Log;
  now: () => number;
}

/** Where handlers find who calls: `context.values.get(ACCESS)`. Every call that gets to a handler has it. */
export const ACCESS = createContextKey<AgentAccess | undefined>(undefined, { description: 'access' });

/** Longer than any token of GitLab. */
const MOST_TOKEN_CHARACTERS = 512;

/** Lets only calls through that carry a good token, and not too many of them. */
export function authentication(options: AuthenticationOptions): Gate {
  const { directory, callsPerTokenPerMinute, onRefused, log, now } = options;
  const calls = new PerMinute(callsPerTokenPerMinute, now);
  const failures = new FailedAttempts(log, now);

  const admit = (token: string, { address }: AgentConnection, signal: AbortSignal): Promise<AgentAccess> => {
    const key = tokenKey(token);
    return failures.guard(
      address,
      key,
      () => directory.isKnown(token),
      async () => {
        if (calls.isExhausted(key))
          throw new ConnectError(
            'new connection rate limit exhausted for this agent, try again later',
            Code.ResourceExhausted,
          );
        calls.add(key);
        return await directory.admit(token, signal);
      },
    );
  };

  return async ({ values, requestHeader, signal }) => {
    const token = bearerToken(requestHeader.get('authorization'));
    if (token === undefined)
      throw new ConnectError('unauthenticated: there is no token', Code.Unauthenticated);
    const connection = values.get(CONNECTION);
    try {
      values.set(ACCESS, await admit(token, connection, signal));
    } catch (error) {
      if (ConnectError.from(error).code === Code.Unauthenticated) onRefused(connection);
      throw error;
    }
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
