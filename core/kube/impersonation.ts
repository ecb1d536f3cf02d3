import type { Impersonation } from './connection.ts';

/** Impersonate-* headers; several groups and extra values become repeated headers (client-go `round_trippers.go`). */
export function impersonationHeaders(
  as: Impersonation | undefined,
): Record<string, string | readonly string[]> {
  if (!as) return {};
  const headers: Record<string, string | readonly string[]> = { 'Impersonate-User': utf8(as.user) };
  if (as.uid) headers['Impersonate-Uid'] = utf8(as.uid);
  if (as.groups.length > 0) headers['Impersonate-Group'] = as.groups.map(utf8);
  for (const [key, values] of Object.entries(as.extra)) {
    headers[`Impersonate-Extra-${escapeKey(key)}`] = values.map(utf8);
  }
  return headers;
}

/** Node writes one byte for a character; Go sends names as the UTF-8 that they are. */
function utf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** Percent-encodes what a header's name can't hold, and `%` itself. */
function escapeKey(key: string): string {
  return utf8(key).replace(
    /[^!#$&'*+\-.^_`|~0-9A-Za-z]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
