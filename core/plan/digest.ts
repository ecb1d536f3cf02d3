import { createHmac } from 'node:crypto';
import { canonicalJson, type Json } from '../model/json.ts';

/** What a digest is of: digests of one use are none of another, though the value is the same. */
export type DigestUse = 'value' | 'wanted' | 'ignore' | 'key' | 'document';

/** `hmac-sha256:…` of a JSON value. Without its key nobody can try out what the value may have been. */
export type Digest = (use: DigestUse, value: Json) => string;

/** Digests under one key, of 32 random bytes. */
export function digestWith(key: Uint8Array): Digest {
  return (use, value) =>
    `hmac-sha256:${createHmac('sha256', key)
      .update(canonicalJson([use, value]))
      .digest('base64url')}`;
}
