import { createHmac, timingSafeEqual } from 'node:crypto';
import type { JsonObject } from '../../core/model/json.ts';

/** RFC 7519, §4.1. Times in s since 1970. */
export interface Claims {
  iss?: string;
  aud?: string | readonly string[];
  iat?: number;
  nbf?: number;
  exp?: number;
}

/** RFC 7518, §3.2. */
const HASHES = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const;
/** What clocks may differ, in s. */
export const CLOCK_SKEW = 5;
/** Longer than any that GitLab makes. */
const MOST_CHARACTERS = 8_192;

/** A JSON web token with HS256, as GitLab and its agent server show each other who they are. */
export function signToken(claims: Claims, key: Uint8Array): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

/**
 * The claims of a token that has HS256, HS384 or HS512 by this key, is for this audience, has begun and not ended at
 * `now` (ms since 1970); undefined for any other. Who issued it is for the caller to judge.
 */
export function verifyToken(
  token: string,
  key: Uint8Array,
  { audience, now }: { audience: string; now: number },
): JsonObject | undefined {
  if (token.length > MOST_CHARACTERS || key.length === 0) return undefined;
  const [, header, payload, signature] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token) ?? [];
  if (header === undefined || payload === undefined || signature === undefined) return undefined;
  const { alg, crit } = objectOf(header) ?? {};
  // What an extension demands nobody here would do. RFC 7515, §4.1.11.
  if (typeof alg !== 'string' || !Object.hasOwn(HASHES, alg) || crit !== undefined) return undefined;
  const wanted = createHmac(HASHES[alg as keyof typeof HASHES], key)
    .update(`${header}.${payload}`)
    .digest();
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
  const claims = objectOf(payload);
  if (!claims || ![claims.aud].flat().includes(audience)) return undefined;
  const { exp, nbf = 0 } = claims;
  const seconds = now / 1000;
  if (typeof exp !== 'number' || exp + CLOCK_SKEW <= seconds) return undefined;
  return typeof nbf === 'number' && nbf - CLOCK_SKEW <= seconds ? claims : undefined;
}

/** The bytes of a secret's file: base64 as GitLab makes them, or as they stand, which its agent server took in 13.8. */
export function keyOf(secret: string): Buffer {
  const decoded = Buffer.from(secret, 'base64');
  const isBase64 = decoded.toString('base64').replace(/=+$/, '') === secret.replace(/=+$/, '');
  return isBase64 ? decoded : Buffer.from(secret);
}

function objectOf(part: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}
