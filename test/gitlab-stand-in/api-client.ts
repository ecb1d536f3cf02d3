/** Plain requests to the API, with a token where one is given. */
import type { GitLab } from '../support/gitlab/gitlab.ts';

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for
  body: any;
}

export class ApiClient {
  readonly #gitlab: { url: string };
  readonly #headers: Record<string, string>;

  constructor(gitlab: GitLab | { url: string }, headers: Record<string, string> = {}) {
    this.#gitlab = gitlab;
    this.#headers = headers;
  }

  /** `path` begins below `/api/v4`, or with `/api`. */
  async send(
    method: string,
    path: string,
    body?: object | string,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const base = path.startsWith('/api') ? '' : '/api/v4';
    const json = typeof body === 'object' ? { 'content-type': 'application/json' } : {};
    const response = await fetch(`${this.#gitlab.url}${base}${path}`, {
      method,
      headers: { ...this.#headers, ...json, ...headers },
      redirect: 'manual',
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    };
  }

  get(path: string): Promise<Reply> {
    return this.send('GET', path);
  }

  post(path: string, body: object = {}): Promise<Reply> {
    return this.send('POST', path, body);
  }

  put(path: string, body: object = {}): Promise<Reply> {
    return this.send('PUT', path, body);
  }

  delete(path: string): Promise<Reply> {
    return this.send('DELETE', path);
  }
}

export function withToken(gitlab: GitLab, token: { value: string }): ApiClient {
  return new ApiClient(gitlab, { 'private-token': token.value });
}

export function asJob(gitlab: GitLab, token: { value: string }): ApiClient {
  return new ApiClient(gitlab, { 'job-token': token.value });
}
