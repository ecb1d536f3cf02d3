import type { Json } from '../model/json.ts';
import type { GitLabOptions } from './connection.ts';
import { sendRequest } from './requester.ts';

/** One request below `/api`, with its answer's body and the number of the next page of a list. */
export type Ask = (
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: Json,
) => Promise<{ body: unknown; nextPage?: string }>;

/**
 * Requests of our own, where the client library has none or a wrong one (its `Agents.createToken` sends a GET). Reject
 * with GitLabError. What creates something is not sent twice.
 */
export function jsonRequests({ url, token, ...options }: GitLabOptions): Ask {
  const prefixUrl = `${url.replace(/\/+$/, '')}/api/`;
  return async (method, path, body) => {
    const [pathname, searchParams] = path.split('?', 2);
    const reply = await sendRequest(
      pathname!,
      {
        prefixUrl,
        method,
        ...(searchParams !== undefined && { searchParams }),
        headers: {
          authorization: `Bearer ${await token()}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      },
      { ...options, repeatsPosts: false },
    );
    const nextPage = reply.headers?.['x-next-page'];
    return { body: reply.body, ...(nextPage && { nextPage }) };
  };
}

/** All pages of a list. */
export async function allPages(ask: Ask, path: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (let page: string | undefined = '1'; page !== undefined; ) {
    const { body, nextPage } = await ask('GET', `${path}?per_page=100&page=${page}`);
    found.push(...(body as Record<string, unknown>[]));
    page = nextPage;
  }
  return found;
}

/** The path of a project in REST's. */
export function projectPath(project: string): string {
  return `v4/projects/${encodeURIComponent(project)}`;
}
