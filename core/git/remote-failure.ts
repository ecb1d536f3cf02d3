import { describeConnectionError, type NodeError } from '../model/connection-error.ts';
import type { Credential, SourceFailure, SourceFailureCode } from '../model/source.ts';
import { DeadlinePassed } from './deadline.ts';
import { type Answer, AnswerTooLarge } from './exchange.ts';
import { OldProtocol, RemoteRefusal } from './ls-refs.ts';
import { FramingError } from './pkt-line.ts';
import { quoteForeign } from './repository-url.ts';

/** Carries a failure to the call's end, where it becomes a value. */
export class SourceError extends Error {
  readonly failure: SourceFailure;

  constructor(failure: SourceFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

export interface Context {
  url: URL;
  credential: Credential | undefined;
}

const UNTRUSTED =
  /^(?:Certificate|HostnameMismatch|UnknownAuthority|TlsFailed|PlainHttp|ClientCertificateRefused)/;
const TITLE = /<title[^>]*>([^<]{1,200})/i;

/** Words what stopped an exchange. Rethrows what is no failure of the remote: an abort, a mistake of ours. */
export function exchangeFailure(error: unknown, context: Context): SourceFailure {
  const { origin } = context.url;
  if (error instanceof SourceError) return error.failure;
  if (error instanceof DeadlinePassed)
    return { code: 'Timeout', message: `${origin} does not answer in time`, hint: 'it is asked again' };
  if (error instanceof AnswerTooLarge)
    return { code: 'TooLarge', message: `the list of refs that ${origin} sends is too large` };
  if (error instanceof FramingError) return notGit(context, 'what it answers is cut short or not Git');
  if (error instanceof OldProtocol)
    return notGit(
      context,
      'it does not speak version 2 of the Git protocol',
      'does a proxy drop the header Git-Protocol?',
    );
  if (error instanceof RemoteRefusal)
    return refusedWith(quoteForeign(error.message, context.credential), origin);
  const { code = '' } = error as NodeError;
  if (/^(?:E[A-Z]|ERR_|HPE_|CERT_|UNABLE_|SELF_|DEPTH_|INVALID_)/.test(code))
    return connectionFailure(error as NodeError, origin);
  throw error;
}

function connectionFailure(error: NodeError, origin: string): SourceFailure {
  if (error.code?.startsWith('ERR_PROXY_'))
    return {
      code: 'Unreachable',
      message: `the proxy does not open a connection to ${origin} (${error.code})`,
      hint: 'HTTPS_PROXY and NO_PROXY say what goes through which proxy',
    };
  const [reason, message] = describeConnectionError(error, origin);
  if (reason === 'NotHttp') return { code: 'NotGit', message };
  if (!UNTRUSTED.test(reason)) return { code: 'Unreachable', message };
  const hint = 'give the certificate authority that signed it';
  return { code: 'Untrusted', message, ...(reason === 'UnknownAuthority' ? { hint } : {}) };
}

/** Words what stopped the work on a cache. Rethrows a mistake of ours. */
export function cacheFailure(error: unknown, commit: string): SourceFailure {
  if (error instanceof SourceError) return error.failure;
  const short = commit.slice(0, 12);
  if (error instanceof DeadlinePassed)
    return { code: 'Timeout', message: `commit ${short} was not fetched in time`, hint: 'it is tried again' };
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return DISK_FULL;
  if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
  const message = `the Git cache can't be used: ${code}${path ? ` (${path})` : ''}`;
  return { code: 'GitFailed', message, hint: 'its directory has to be writable' };
}

export const DISK_FULL: SourceFailure = {
  code: 'DiskFull',
  message: 'the disk with the Git cache is full',
  hint: 'make room there, or give the cache a larger volume',
};

/** Words an answer other than 200. Redirects are judged elsewhere. */
export function statusFailure({ status, headers, body }: Answer, context: Context): SourceFailure {
  const { origin } = context.url;
  const after = retryAfter(headers['retry-after']);
  const failure = (code: SourceFailureCode, message: string, hint?: string): SourceFailure => ({
    code,
    message,
    ...(hint ? { hint } : {}),
    ...(after === undefined ? {} : { retryAfter: after }),
  });
  if (status === 401) {
    return context.credential
      ? failure(
          'Unauthorized',
          `${origin} refuses the user name and token (401)`,
          'has the token expired or been revoked? a deploy token needs its own user name, and the scope read_repository',
        )
      : failure(
          'Unauthorized',
          `${origin} wants a user name and a token (401)`,
          'is the project private? give a deploy token with the scope read_repository',
        );
  }
  if (status === 403)
    return failure(
      'Forbidden',
      `${origin} refuses to let the repository be read (403)`,
      'may the token read this repository? after many failed logins GitLab refuses an address for an hour',
    );
  if (status === 404)
    return failure(
      'NotFound',
      `there is no repository ${context.url.pathname} at ${origin} (404)`,
      'is the path right? GitLab answers the same for private projects that the token may not read',
    );
  if (status === 429)
    return failure('RateLimited', `${origin} has had too many requests (429)`, 'it is asked less often');
  if (status >= 500) return failure('Unavailable', `${origin} is not available (${status})`);
  return notGit(context, `it answers ${status}${page(body, context)}`);
}

/** An answer of 200 that is not Git's. */
export function foreignAnswer({ body }: Answer, context: Context): SourceFailure {
  return notGit(context, `it answers with something else than Git${page(body, context)}`);
}

function notGit({ url }: Context, why: string, hint = 'is this the URL to clone from?'): SourceFailure {
  return {
    code: 'NotGit',
    message: `${url.origin}${url.pathname} is not read as a Git repository: ${why}`,
    hint,
  };
}

function page(body: Buffer, { credential }: Context): string {
  const start = body.toString('utf8', 0, 4096);
  if (!/^\s*<(?:!doctype html|html|head|body)/i.test(start)) return '';
  const title = TITLE.exec(start)?.[1];
  return title ? `, an HTML page (${JSON.stringify(quoteForeign(title, credential))})` : ', an HTML page';
}

/** What the server says in a packet of its own (`ERR …`); GitLab tells so of repositories that it can't serve. */
function refusedWith(said: string, origin: string): SourceFailure {
  return { code: 'Unavailable', message: `${origin} refuses: ${said}` };
}

function retryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}
