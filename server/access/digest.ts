import { createHash, createHmac } from 'node:crypto';

/** Names a token in memory: nothing that is kept longer than a call holds the token itself. */
export function tokenKey(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** What a registry holds of a token. The salt is of the file; tokens are random and long, so that one hash is enough. */
export function saltedHash(salt: string, token: string): string {
  return createHmac('sha256', Buffer.from(salt, 'base64url')).update(token).digest('base64url');
}
