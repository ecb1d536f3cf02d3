import { ProblemError } from '../model/problem.ts';
import type { Attempt, Credential, CredentialReader, RemoteRefs, SourceFailure } from '../model/source.ts';
import type { Connections } from './connections.ts';
import { startDeadline } from './deadline.ts';
import { type Answer, exchange, type Outgoing } from './exchange.ts';
import { type Capabilities, lsRefsRequest, readCapabilities, readRefs } from './ls-refs.ts';
import {
  type Context,
  exchangeFailure,
  foreignAnswer,
  SourceError,
  statusFailure,
} from './remote-failure.ts';
import { basicAuthorization, mayCarryToken, quoteForeign } from './repository-url.ts';

export interface RemoteOptions {
  url: URL;
  credential: CredentialReader;
  connections: Connections;
  userAgent: string;
  /** Milliseconds that one call of `refs` may take. */
  timeout: number;
}

interface Endpoint {
  url: URL;
  capabilities: Capabilities;
}

const MOST_REDIRECTS = 3;
const MOST_BYTES = 8 * 2 ** 20;
const INFO_REFS = '/info/refs?service=git-upload-pack';
// What `git check-ref-format` forbids and would change a request's meaning.
const FORBIDDEN_IN_REF = /[\x00-\x20\x7f~^:?*[\\]/;

/** Asks a repository over HTTP(S) what its refs point at, by version 2 of the Git protocol. */
export class Remote {
  readonly #options: RemoteOptions;
  /** What the first request learnt; every other poll is one small request then. */
  #endpoint: Endpoint | undefined;

  constructor(options: RemoteOptions) {
    this.#options = options;
  }

  /** Where the repository is: as given, or where the server redirected to. */
  get url(): URL {
    return this.#endpoint?.url ?? this.#options.url;
  }

  /** Forgets where it was redirected to and what the server can. */
  forget(): void {
    this.#endpoint = undefined;
  }

  async credential(): Promise<Credential | undefined> {
    const credential = await this.#options.credential().catch((error: unknown) => {
      throw new SourceError(unreadable(error));
    });
    if (credential && !mayCarryToken(this.#options.url)) {
      const message = `${this.#options.url.origin} would get the token unencrypted`;
      throw new SourceError({ code: 'UrlInvalid', message, hint: 'write the URL with https://' });
    }
    return credential;
  }

  async refs(names: readonly string[], signal: AbortSignal): Promise<Attempt<RemoteRefs>> {
    let context: Context = { url: this.url, credential: undefined };
    using limit = startDeadline(signal, this.#options.timeout);
    try {
      context = { ...context, credential: await this.credential() };
      const known = this.#endpoint !== undefined;
      try {
        return await this.#ask(names, context, limit.signal);
      } catch (error) {
        // The project was renamed, or the server replaced, since it was asked what it can.
        if (!known || !(error instanceof SourceError) || !MAY_HAVE_MOVED.has(error.failure.code)) throw error;
        this.forget();
        return await this.#ask(names, context, limit.signal);
      }
    } catch (error) {
      signal.throwIfAborted();
      return { ok: false, failure: exchangeFailure(error, { ...context, url: this.url }) };
    }
  }

  async #ask(
    names: readonly string[],
    { credential }: Context,
    signal: AbortSignal,
  ): Promise<Attempt<RemoteRefs>> {
    this.#endpoint ??= await this.#advertise(credential, signal);
    const { url, capabilities } = this.#endpoint;
    const asked = ['HEAD', ...names.filter((name) => name !== 'HEAD' && !FORBIDDEN_IN_REF.test(name))];
    const answer = await this.#send(credential, {
      method: 'POST',
      url: new URL(`${url.href}/git-upload-pack`),
      headers: { 'content-type': 'application/x-git-upload-pack-request' },
      body: lsRefsRequest(asked, capabilities, this.#options.userAgent),
      maxBytes: MOST_BYTES,
      signal,
    });
    this.#check(answer, 'application/x-git-upload-pack-result', { url, credential });
    const moved = url.href === this.#options.url.href ? {} : { movedTo: url.href };
    return { ok: true, refs: readRefs(answer.body, asked), ...moved };
  }

  /** Learns what the server can. Follows redirects of the same origin: the token must not go elsewhere. */
  async #advertise(credential: Credential | undefined, signal: AbortSignal): Promise<Endpoint> {
    let at = this.#options.url;
    for (let redirects = 0; ; redirects += 1) {
      const url = new URL(`${at.href}${INFO_REFS}`);
      const answer = await this.#send(credential, {
        method: 'GET',
        url,
        headers: {},
        maxBytes: MOST_BYTES,
        signal,
      });
      if (!isRedirect(answer)) {
        this.#check(answer, 'application/x-git-upload-pack-advertisement', { url: at, credential });
        return { url: at, capabilities: readCapabilities(answer.body) };
      }
      at = redirectTarget(answer, { url, credential }, redirects);
    }
  }

  #send(credential: Credential | undefined, outgoing: Outgoing): Promise<Answer> {
    const headers = {
      ...outgoing.headers,
      'user-agent': this.#options.userAgent,
      'git-protocol': 'version=2',
      ...(credential ? { authorization: basicAuthorization(credential) } : {}),
    };
    return exchange(this.#options.connections, { ...outgoing, headers });
  }

  #check(answer: Answer, contentType: string, context: Context): void {
    if (isRedirect(answer)) throw new SourceError(redirected(answer, context));
    if (answer.status !== 200) throw new SourceError(statusFailure(answer, context));
    if (answer.headers['content-type'] !== contentType) throw new SourceError(foreignAnswer(answer, context));
  }
}

/** A reader's own problem says it best; an error of the file system holds nothing secret. */
function unreadable(error: unknown): SourceFailure {
  const problem = error instanceof ProblemError ? error.problems[0] : undefined;
  if (problem) return { ...problem, code: 'Unauthorized' };
  const { code = 'no reason given' } = error as NodeJS.ErrnoException;
  return { code: 'Unauthorized', message: `the credentials can't be read: ${code}` };
}

const MAY_HAVE_MOVED = new Set(['Moved', 'NotFound', 'NotGit']);

function isRedirect({ status, headers }: Answer): boolean {
  return status >= 300 && status < 400 && headers.location !== undefined;
}

function redirectTarget(answer: Answer, context: Context, redirects: number): URL {
  const from = context.url;
  const target = parseTarget(answer, from);
  const expected = target && target.origin === from.origin && target.pathname.endsWith('/info/refs');
  if (!expected || target.search !== from.search || redirects >= MOST_REDIRECTS)
    throw new SourceError(redirected(answer, context));
  return new URL(target.origin + target.pathname.slice(0, -'/info/refs'.length));
}

function parseTarget({ headers: { location } }: Answer, from: URL): URL | undefined {
  return URL.canParse(location!, from.href) ? new URL(location!, from) : undefined;
}

function redirected(answer: Answer, { url: from, credential }: Context): SourceFailure {
  const target = parseTarget(answer, from);
  // Neither user, password nor query: a target may hold what is not for logs.
  const where = target ? `${target.origin}${target.pathname.replace(/\/info\/refs$/, '')}` : 'no valid URL';
  const shown = quoteForeign(where, credential);
  return {
    code: 'Moved',
    message: `${from.origin} redirects to ${shown}, which is not followed: it would get the token`,
    hint: 'if that is where the repository is now, write its new URL into the configuration',
  };
}
