import { http } from './node-http.ts';
import type { WireReply, WireRequest } from './wire.ts';

/** Takes one line for people who asked for at least `level` (kubectl's `-v`). */
export type Log = (level: number, line: string) => void;

// Admission plugins may quote a Secret in a warning; those are shown scrubbed.
const SECRET_HEADERS =
  /^(?:authorization|proxy-authorization|cookie|set-cookie|warning|impersonate-extra-.*)$/i;

/**
 * Logs one exchange: from level 6 its method, URL, status and milliseconds, from level 8 also headers and sizes.
 * Credentials and bodies, which may hold Secrets, are never in it.
 */
export function logExchange(
  log: Log,
  server: string,
  request: WireRequest,
  outcome: WireReply | string,
  ms: number,
): void {
  const what =
    typeof outcome === 'string'
      ? `failed: ${outcome}`
      : `${outcome.status} ${http.STATUS_CODES[outcome.status] ?? ''}`.trim();
  log(6, `${request.method} ${server}${request.path} ${what} in ${Math.round(ms)} milliseconds`);
  for (const line of headerLines(request.headers)) log(8, `> ${line}`);
  if (request.body) log(8, `> ${request.body.length} bytes`);
  if (typeof outcome === 'string') return;
  for (const line of headerLines(outcome.headers)) log(8, `< ${line}`);
  log(8, `< ${outcome.size} bytes`);
}

function headerLines(headers: Readonly<Record<string, string | readonly string[] | undefined>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    const values = value === undefined ? [] : typeof value === 'string' ? [value] : value;
    return values.map((one) => `${name}: ${SECRET_HEADERS.test(name) ? '(hidden)' : one}`);
  });
}
