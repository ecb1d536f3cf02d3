import { createRequesterFn, type FormattedResponse, type RequestOptions } from '@gitbeaker/requester-utils';
import { describeConnectionError, type NodeError } from '../model/connection-error.ts';
import type { GitLabFailure } from '../model/gitlab.ts';
import { failureOf, noAnswer } from './failure.ts';

/** What requests need of their surroundings. */
export interface RequesterOptions {
  /** Ends every request and pause at once. */
  signal: AbortSignal;
  /** Waits; rejects when the signal ends. */
  sleep: (ms: number) => Promise<void>;
  /** In [0, 1), for the jitter of retries. */
  random: () => number;
  /** In ms, of one attempt (30,000). */
  timeout?: number;
  userAgent: string;
  /** Whether what creates something (POST) is sent again though it may have been done; true where not said. */
  repeatsPosts?: boolean;
}

/** Carries a failure through gitbeaker, whose own errors hold the request with its token. */
export class GitLabError extends Error {
  readonly failure: GitLabFailure;

  constructor(failure: GitLabFailure) {
    super(failure.message);
    this.name = 'GitLabError';
    this.failure = failure;
  }
}

const TIMEOUT = 30_000;
const ATTEMPTS = 4;
const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 20_000;
const MOST_REDIRECTS = 3;

/**
 * Sends gitbeaker's requests. Its own way of sending gives up 429 after a few milliseconds and puts the token into
 * its errors; here a 429 waits as long as it says, and 409, 502 to 504 and cut connections are tried again, all of
 * which GitLab's API takes twice without harm. Rejects with GitLabError, or with the signal's reason.
 */
export function createRequester(options: RequesterOptions): ReturnType<typeof createRequesterFn> {
  return createRequesterFn(
    (_service, request) => Promise.resolve(request),
    <T>(path: string, request: RequestOptions = {}) =>
      sendRequest(path, request, options) as Promise<FormattedResponse<T & Body>>,
  );
}

type Body = FormattedResponse['body'];

/** Sends one request with all retries. Rejects with GitLabError, or with the signal's reason. */
export async function sendRequest(
  path: string,
  request: RequestOptions,
  options: RequesterOptions,
): Promise<FormattedResponse> {
  for (let attempt = 1; ; attempt += 1) {
    options.signal.throwIfAborted();
    const { reply, failure, retryAfter } = await exchange(path, request, options);
    if (reply) return reply;
    const again = attempt < ATTEMPTS && isTransient(failure) && mayRepeat(request, failure, options);
    const backoff = FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + options.random() / 2);
    const pause = Math.max(backoff, retryAfter ?? 0);
    if (!again || pause > LONGEST_PAUSE)
      throw new GitLabError(retryAfter === undefined ? failure : { ...failure, retryAfter });
    await options.sleep(pause);
  }
}

type Exchanged =
  | { reply: FormattedResponse; failure?: undefined; retryAfter?: undefined }
  | { reply?: undefined; failure: GitLabFailure; retryAfter?: number };

async function exchange(
  path: string,
  { prefixUrl = '', searchParams, method, headers, body }: RequestOptions,
  options: RequesterOptions,
): Promise<Exchanged> {
  const { signal, timeout = TIMEOUT, userAgent } = options;
  let url = new URL(path, prefixUrl.endsWith('/') ? prefixUrl : `${prefixUrl}/`);
  url.search = searchParams ?? '';
  let response: Response;
  let text: string;
  for (let redirects = 0; ; redirects += 1) {
    try {
      response = await fetch(url, {
        method,
        redirect: 'manual',
        headers: { accept: 'application/json', 'user-agent': userAgent, ...headers },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
      });
      text = await response.text();
    } catch (error) {
      signal.throwIfAborted();
      return { failure: noAnswer(causeOf(error, url.origin, timeout)) };
    }
    const moved = method === 'GET' && redirects < MOST_REDIRECTS ? movedTo(response, url) : undefined;
    if (!moved) break;
    url = moved;
  }
  const { status } = response;
  const replied = Object.fromEntries(response.headers);
  const failure = failureOf(status, replied['content-type'] ?? '', withoutToken(text, headers));
  if (status >= 200 && status < 300) {
    try {
      return { reply: { body: text === '' ? '' : JSON.parse(text), headers: replied, status } };
    } catch {
      return { failure: { ...failure, code: 'unavailable' } };
    }
  }
  const retryAfter = Number(replied['retry-after']) * 1000;
  return { failure, ...(retryAfter >= 0 && { retryAfter }) };
}

/** Where GitLab says that a renamed project is now; never another host, which must not see the token. */
function movedTo(response: Response, from: URL): URL | undefined {
  if (response.status !== 301) return undefined;
  const location = response.headers.get('location');
  const url = location ? URL.parse(location, from.href) : undefined;
  return url?.origin === from.origin ? url : undefined;
}

/** Whatever stands between may say back what it was sent. */
function withoutToken(text: string, headers: RequestOptions['headers']): string {
  const bearer = headers?.authorization?.replace(/^Bearer /, '');
  const token = headers?.['private-token'] ?? headers?.['job-token'] ?? bearer;
  return token ? text.replaceAll(token, '…') : text;
}

function isTransient({ status, code }: GitLabFailure): boolean {
  return code === 'throttled' || code === 'conflict' || status === 0 || (status >= 502 && status <= 504);
}

/** What was refused for its number or its moment was not done. */
function mayRepeat({ method }: RequestOptions, { code }: GitLabFailure, options: RequesterOptions): boolean {
  const isPost = method?.toUpperCase() === 'POST';
  return !isPost || options.repeatsPosts !== false || code === 'throttled';
}

/** undici hides what happened in `cause`, sometimes of several attempts. */
function causeOf(error: unknown, origin: string, timeout: number): string {
  const { name, cause } = error as Error & { cause?: NodeError & { errors?: NodeError[] } };
  if (name === 'TimeoutError') return `not within ${timeout / 1000} seconds`;
  const first = cause?.errors?.[0] ?? cause ?? (error as NodeError);
  const isCut = first.code === 'UND_ERR_SOCKET';
  return describeConnectionError(isCut ? Object.assign(first, { code: 'ECONNRESET' }) : first, origin)[1];
}
