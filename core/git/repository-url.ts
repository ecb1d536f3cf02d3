import type { Credential, SourceFailure } from '../model/source.ts';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Checks the URL of a repository. What is wrong with it is told without the URL, which may hold a password. */
export function parseRepositoryUrl(text: string): URL | SourceFailure {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    return invalid('the URL of the repository does not start with https://', 'only HTTPS is spoken');
  if (url.username || url.password)
    return invalid(
      'the URL of the repository holds a user name or password',
      'leave it out of the URL, and put it into the Secret with the Git credentials',
    );
  if (url.search || url.hash) return invalid('the URL of the repository has a query or a fragment');
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

function invalid(message: string, hint?: string): SourceFailure {
  return { code: 'UrlInvalid', message, ...(hint ? { hint } : {}) };
}

/** Whether a token may go there: never unencrypted to another machine. */
export function mayCarryToken(url: URL): boolean {
  return url.protocol === 'https:' || LOOPBACK.test(url.hostname);
}

/** The value of an Authorization header. */
export function basicAuthorization({ username, token }: Credential): string {
  return `Basic ${Buffer.from(`${username}:${token}`).toString('base64')}`;
}

/** Takes a credential out of a text, in the forms that a server could send it back in. */
export function withoutCredential(text: string, credential: Credential | undefined): string {
  if (!credential) return text;
  const { token } = credential;
  const secrets = [basicAuthorization(credential).slice('Basic '.length), encodeURIComponent(token), token];
  return secrets.reduce((rest, secret) => (secret ? rest.replaceAll(secret, '(hidden)') : rest), text);
}

/** One line of what somebody else wrote, fit to be shown: no control characters, no credential, not long. */
export function quoteForeign(text: string, credential: Credential | undefined): string {
  const line = withoutCredential(text, credential)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
