import { Code, ConnectError } from '@connectrpc/connect';
import type { Gate } from '../transport/observe-calls.ts';
import { keyOf, verifyToken } from './json-web-token.ts';

export interface ApiAuthenticationOptions {
  /** That GitLab signs with; read for each call, for it may be exchanged. */
  secret: () => Promise<string | undefined>;
  now: () => number;
}

/** Whom tokens for the API are for, as GitLab writes it. */
const AUDIENCE = 'gitlab-kas';
/** Agent servers call themselves that; GitLab calls itself `gitlab`, and once its host. */
const NOT_GITLAB = 'gitlab-kas';

/** Lets only calls of GitLab through: those with a JSON web token by the shared secret. */
export function apiAuthentication({ secret, now }: ApiAuthenticationOptions): Gate {
  return async ({ requestHeader }) => {
    const [, token = ''] = /^bearer +(\S+)$/i.exec(requestHeader.get('authorization') ?? '') ?? [];
    const shared = await secret().catch(() => undefined);
    if (!shared) throw new ConnectError("the secret of the API can't be read", Code.Unavailable);
    const claims = verifyToken(token, keyOf(shared), { audience: AUDIENCE, now: now() });
    if (!claims || claims.iss === NOT_GITLAB)
      throw new ConnectError('JWT validation failed', Code.Unauthenticated);
  };
}
