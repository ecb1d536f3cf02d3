import { createHash } from 'node:crypto';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type ImpersonationConfig,
  ImpersonationConfigSchema,
} from '../../core/grpc/generated/kubernetes_api_pb.ts';
import { CLOCK_SKEW, signToken, verifyToken } from '../access/json-web-token.ts';

/** What one replica tells another of a request, which it has let in. */
export interface Hop {
  agentId: bigint;
  /** Undefined: as the agent itself. */
  impersonation?: ImpersonationConfig;
}

const TOKEN = 'gitlab-agent-server-hop';
const IMPERSONATION = 'gitlab-agent-server-impersonation';
/** Whoever has no tunnel of the agent answers 503, with this header. */
export const NO_TUNNEL = 'gitlab-agent-server-no-tunnel';
const ISSUER = 'gitlab-kas';
/** In s. */
const LIFETIME = 30;

interface Signed {
  /** The URL of the replica that is asked. */
  replica: string;
  method: string;
  /** With its query, as it is sent. */
  url: string;
  key: Uint8Array;
  now: number;
}

/** The headers for another replica. They are good for this one request, once, and not for long. `nonce`: of this hop. */
export function hopHeaders(
  { agentId, impersonation }: Hop,
  { replica, method, url, key, now, nonce }: Signed & { nonce: string },
): [string, string][] {
  const as = impersonation
    ? Buffer.from(toBinary(ImpersonationConfigSchema, impersonation)).toString('base64url')
    : '';
  const seconds = Math.floor(now / 1000);
  const claims = {
    iss: ISSUER,
    aud: replica,
    jti: nonce,
    iat: seconds,
    exp: seconds + LIFETIME,
    agent_id: String(agentId),
    request: digestOf(method, url, as),
  };
  return [
    [TOKEN, signToken(claims, key)],
    ...(impersonation ? ([[IMPERSONATION, as]] as [string, string][]) : []),
  ];
}

/** Undefined where the headers are not another replica's, are of another request, or were `used` before. */
export function readHop(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  { replica, method, url, key, now, used }: Signed & { used: UsedTokens },
): Hop | undefined {
  const token = String(headers[TOKEN] ?? '');
  const claims = verifyToken(token, key, { audience: replica, now });
  const as = String(headers[IMPERSONATION] ?? '');
  if (claims?.iss !== ISSUER || claims.request !== digestOf(method, url, as)) return undefined;
  const { agent_id: id } = claims;
  if (typeof id !== 'string' || !/^\d{1,18}$/.test(id)) return undefined;
  // What is signed, for a signature can be written in several ways.
  if (!used.use(token.slice(0, token.lastIndexOf('.')), now)) return undefined;
  return {
    agentId: BigInt(id),
    ...(as !== '' && { impersonation: fromBinary(ImpersonationConfigSchema, Buffer.from(as, 'base64url')) }),
  };
}

/** Tokens that were used, for as long as they would be taken. */
export class UsedTokens {
  readonly #until = new Map<string, number>();

  /** False where it was used before. */
  use(token: string, now: number): boolean {
    // They end in the order in which they came.
    for (const [earlier, until] of this.#until) {
      if (until > now) break;
      this.#until.delete(earlier);
    }
    if (this.#until.has(token)) return false;
    this.#until.set(token, now + (LIFETIME + 2 * CLOCK_SKEW) * 1000);
    return true;
  }
}

function digestOf(method: string, url: string, as: string): string {
  return createHash('sha256')
    .update(JSON.stringify([method, url, as]))
    .digest('base64url');
}
