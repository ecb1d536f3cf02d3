import { request } from 'node:https';

/** What a client needs to speak to an API server as somebody. */
export interface Access {
  url: string;
  /** The certificates in PEM that vouch for the server. */
  ca: string;
  token: string;
}

export interface ApiAnswer {
  status: number;
  /** The parsed JSON, or the text where it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into answers; their assertions are the check.
  body: any;
}

const TIMEOUT_MS = 30_000;

/**
 * One request to the API server, without any of the code under test. A 4xx or 5xx is an answer, not an error.
 * Each takes a connection of its own: it works right after the server was restarted.
 */
export function apiRequest(access: Access, method: string, path: string, body?: unknown): Promise<ApiAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>();
  const outgoing = request(
    new URL(path, access.url),
    {
      method,
      agent: false,
      ca: access.ca,
      timeout: TIMEOUT_MS,
      headers: {
        authorization: `Bearer ${access.token}`,
        accept: 'application/json',
        'user-agent': 'control-plane-support',
        ...(body === undefined ? {} : { 'content-type': contentType(method) }),
      },
    },
    (incoming) => {
      let text = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => {
        text += chunk;
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: parse(text) }));
      incoming.on('error', reject);
    },
  );
  outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)));
  outgoing.on('error', reject);
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

/** As `apiRequest`, for requests that have to succeed: returns the body, throws what the server says. */
export async function apiCall(
  access: Access,
  method: string,
  path: string,
  body?: unknown,
): Promise<ApiAnswer['body']> {
  const answer = await apiRequest(access, method, path, body);
  if (answer.status >= 400) {
    throw new Error(
      `${method} ${path}: ${answer.status} ${answer.body?.message ?? JSON.stringify(answer.body)}`,
    );
  }
  return answer.body;
}

// Merge patches are what tests want: they say the fields that change and need no knowledge of the kind.
function contentType(method: string): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
