/** The error bodies of GitLab's REST API, each of its shapes by the name of what makes it. */
import type { OutgoingHttpHeaders } from 'node:http';
import { type Answer, json } from '../answer.ts';

/** Thrown anywhere below a route; the router answers with it. */
export class ApiError extends Error {
  readonly answer: Answer;

  constructor(status: number, body: unknown, headers: OutgoingHttpHeaders = {}) {
    super(`${status} ${JSON.stringify(body)}`);
    this.answer = json(status, body, headers);
  }
}

/** `{"message": "…"}`: GitLab's own helpers. */
export function renderError(status: number, message: string): ApiError {
  return new ApiError(status, { message });
}

/** `404 Commit Not Found`, with a capital F; see `noRecord`. */
export function notFound(what: string): ApiError {
  return renderError(404, `404 ${what} Not Found`);
}

/** A record that was looked up by id: `404 Not found`. */
export function noRecord(): ApiError {
  return renderError(404, '404 Not found');
}

export function unauthorized(): ApiError {
  return renderError(401, '401 Unauthorized');
}

export function forbidden(reason?: string): ApiError {
  return renderError(403, reason === undefined ? '403 Forbidden' : `403 Forbidden - ${reason}`);
}

export function badRequest(reason: string): ApiError {
  return renderError(400, `400 Bad request - ${reason}`);
}

/** `{"message": {"field": ["text"]}}`: the validation of a model. */
export function invalid(fields: Record<string, readonly string[]>): ApiError {
  return new ApiError(400, { message: fields });
}

/** `{"error": "…"}`: the validation of parameters, and routes that do not exist. */
export function grapeError(status: number, error: string, headers: OutgoingHttpHeaders = {}): ApiError {
  return new ApiError(status, { error }, headers);
}

/** `{"error": "invalid_token", …}`: a token that was good once. */
export function invalidToken(description: string): ApiError {
  const body = { error: 'invalid_token', error_description: description };
  const challenge = `Bearer realm="Protected by OAuth 2.0", error="invalid_token", error_description="${description}"`;
  return new ApiError(401, body, { 'www-authenticate': challenge });
}

export function insufficientScope(accepted: readonly string[]): ApiError {
  return new ApiError(403, {
    error: 'insufficient_scope',
    error_description: 'The request requires higher privileges than provided by the access token.',
    scope: accepted.join(' '),
  });
}
