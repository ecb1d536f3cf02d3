import type { GitLabFailure } from '../model/gitlab.ts';
import { isObject, type Json } from '../model/json.ts';

const LONGEST = 300;

/**
 * Words an answer that is no success. GitLab has six shapes of them: `message` as a text, by field or with an
 * `error`, `error` as a text, `error` with a description (tokens), and plain text or a proxy's HTML page.
 */
export function failureOf(status: number, contentType: string, body: string): GitLabFailure {
  return { status, code: codeOf(status), message: `GitLab answered ${status}: ${said(contentType, body)}` };
}

/** There was no answer. `cause` is a sentence of ours. */
export function noAnswer(cause: string): GitLabFailure {
  return { status: 0, code: 'unavailable', message: `GitLab did not answer: ${cause}` };
}

function codeOf(status: number): GitLabFailure['code'] {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'notFound';
  if (status === 409) return 'conflict';
  if (status === 429) return 'throttled';
  return status >= 500 || status < 400 ? 'unavailable' : 'invalid';
}

function said(contentType: string, body: string): string {
  if (/^application\/json\b/.test(contentType)) {
    try {
      return words(JSON.parse(body) as Json);
    } catch {
      return 'an answer that is no complete JSON';
    }
  }
  if (/html/.test(contentType) || /^\s*<(!doctype|html)/i.test(body)) {
    const title = /<title[^>]*>([^<]{1,100})/i.exec(body)?.[1]?.trim();
    return title ? `an HTML page (${JSON.stringify(title)})` : 'an HTML page';
  }
  return short(body) || 'without a word';
}

function words(json: Json): string {
  if (!isObject(json)) return short(JSON.stringify(json));
  const { message, error, error_description: description } = json;
  if (typeof description === 'string') return short(description);
  if (typeof message === 'string') return short(message);
  if (typeof error === 'string') return short(error);
  if (isObject(message) && typeof message.error === 'string') return short(message.error);
  if (isObject(message)) {
    const fields = Object.entries(message).map(([field, texts]) =>
      `${field} ${Array.isArray(texts) ? texts.join(', ') : JSON.stringify(texts)}`.trim(),
    );
    return short(fields.join('; '));
  }
  return short(JSON.stringify(json));
}

function short(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
