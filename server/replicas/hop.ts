import { createHash } from 'node:crypto';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type ImpersonationConfig,
  ImpersonationConfigSchema,
} from '../../core/grpc/generated/kubernetes_api_pb.ts';
import { signToken, verifyToken } from '../access/json-web-token.ts';

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
const AUDIENCE = 'gitlab-kas';
/** In s. */
const LIFETIME = 30;

interface Signed {
  method: string;
  /** With its query, as it is sent. */
  url: string;
  key: Uint8Array;
  now: number;
}

/** The headers for another replica. They are good for this one request, and not for long. */
export function hopHeaders(
  { agentId, impersonation }: Hop,
  { method, url, key, now }: Signed,
): [string, string][] {
  const as = impersonation
    ? Buffer.from(toBinary(ImpersonationConfigSchema, impersonation)).toString('base64url')
    : '';
  const seconds = Math.floor(now / 1000);
  const claims = {
    iss: AUDIENCE,
    aud: AUDIENCE,
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

/** Undefined where the headers are not another replica's, or are of another request. */
export function readHop(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  { method, url, key, now }: Signed,
): Hop | undefined {
  const claims = verifyToken(String(headers[TOKEN] ?? ''), key, { audience: AUDIENCE, now });
  const as = String(headers[IMPERSONATION] ?? '');
  if (claims?.iss !== AUDIENCE || claims.request !== digestOf(method, url, as)) return undefined;
  const { agent_id: id } = claims;
  if (typeof id !== 'string' || !/^\d{1,18}$/.test(id)) return undefined;
  return {
    agentId: BigInt(id),
    ...(as !== '' && { impersonation: fromBinary(ImpersonationConfigSchema, Buffer.from(as, 'base64url')) }),
  };
}

function digestOf(method: string, url: string, as: string): string {
  return createHash('sha256')
    .update(JSON.stringify([method, url, as]))
    .digest('base64url');
}
