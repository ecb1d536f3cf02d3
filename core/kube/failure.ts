import type { ApiFailure } from '../model/cluster.ts';
import { isObject, type Json } from '../model/json.ts';

/** What came back for a request: the body parsed where it was JSON, else its first characters. */
export interface Reply {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: { json: Json } | { text: string };
}

/** A failure without an answer from the API server. `reason` is a word of ours. */
export function noAnswer(reason: string, message: string): ApiFailure {
  return { status: 0, reason, message, causes: [] };
}

/** Words what the API server (or what stands in front of it) said to a request that did not succeed. */
export function failureOf(reply: Reply): ApiFailure {
  if (!('json' in reply.body)) return notJson(reply, reply.body.text);
  const { json } = reply.body;
  if (!isObject(json) || json.kind !== 'Status') {
    return {
      status: reply.status,
      reason: troubleOf(reply.status),
      message: `the server answered ${reply.status} without saying why`,
      causes: [],
    };
  }
  const details = isObject(json.details) ? json.details : {};
  const named = pick(details, ['group', 'kind', 'name']);
  const causes = Array.isArray(details.causes) ? details.causes.filter(isObject) : [];
  return {
    status: reply.status,
    reason: text(json.reason),
    message: text(json.message) || `the server answered ${reply.status} without saying why`,
    ...(Object.keys(named).length > 0 ? { details: named } : {}),
    causes: causes.map((cause) => {
      const { field, message } = pick(cause, ['field', 'message']);
      const { reason } = pick(cause, ['reason']);
      return { ...(field ? { field } : {}), ...(reason ? { reason } : {}), ...(message ? { message } : {}) };
    }),
  };
}

const TITLE = /<title[^>]*>([^<]{1,200})/i;

/** An answer that is not the Kubernetes API's, such as a proxy's error page or a login page. */
export function notJson(reply: Pick<Reply, 'status' | 'headers'>, start: string): ApiFailure {
  const type = text(reply.headers['content-type'] as Json)
    .split(';')[0]!
    .trim();
  if (/^\s*<(?:!doctype html|html|head|body)/i.test(start) || type === 'text/html') {
    const title = TITLE.exec(start)?.[1]?.replace(/\s+/g, ' ').trim();
    const page = title ? `an HTML page (${JSON.stringify(title)})` : 'an HTML page';
    return {
      status: reply.status,
      reason: 'NotKubernetes',
      message: `the answer (${reply.status}) is ${page}, not the Kubernetes API's: a proxy or a login page stands in between`,
      causes: [],
    };
  }
  // Plain text is how Go's HTTP server and the API server's outer layers speak.
  const line = type === 'text/plain' ? start.split('\n')[0]!.trim().slice(0, 200) : '';
  const said = line ? `: ${line}` : type ? ` in ${type}, not JSON` : ', not JSON';
  const reason =
    reply.status === 401 ? 'Unauthorized' : reply.status < 400 ? 'NotKubernetes' : troubleOf(reply.status);
  return { status: reply.status, reason, message: `the server answered ${reply.status}${said}`, causes: [] };
}

/** The API server refuses what a manifest says with a Status; a 500 without one is a passing trouble of somebody. */
function troubleOf(status: number): string {
  return status === 500 ? 'InternalError' : '';
}

function pick<K extends string>(map: Record<string, Json>, keys: readonly K[]): Partial<Record<K, string>> {
  const found: Partial<Record<K, string>> = {};
  for (const key of keys) if (typeof map[key] === 'string' && map[key] !== '') found[key] = map[key];
  return found;
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
