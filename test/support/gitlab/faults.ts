/** What goes wrong on demand, at any request that a test picks. */
import type { Answer } from './answer.ts';
import { json, text } from './answer.ts';
import { invalidToken } from './rest/api-error.ts';

export type Fault =
  /** Milliseconds before anything happens. */
  | { latency: number }
  /** This instead of the real answer; nothing is done. */
  | { answer: Answer }
  /** The real thing is done, and then this is answered: the client can't know. */
  | { answerAfter: Answer }
  /** The connection ends without an answer, nothing done. */
  | 'cut'
  /** It is done, and the connection ends without an answer. */
  | 'cut after'
  /** No answer, ever. */
  | 'hang'
  /** The real answer, cut off after so many bytes of its body: half an answer, a truncated pack. */
  | { cutAfter: number }
  /** The real answer, so slowly. */
  | { bytesPerSecond: number };

/** A request as the log keeps it and as faults look at it. */
export interface Seen {
  /** From 1, in the order in which they came. */
  number: number;
  method: string;
  /** As it was sent: not decoded, with its query. */
  path: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  kind: 'git' | 'rest' | 'graphql' | 'other';
  /** Once it was answered. */
  status?: number;
}

export interface FaultOptions {
  /** Every request where not said. */
  on?: (request: Seen) => boolean;
  /** How often, before it is over; always where not said. */
  times?: number;
}

export interface SetFault extends Disposable {
  /** How often it happened. */
  hits: number;
  /** Ends it. */
  clear(): void;
}

export class Faults {
  readonly #set: { fault: Fault; on: (request: Seen) => boolean; left: number; handle: SetFault }[] = [];

  add(fault: Fault, { on = () => true, times = Number.POSITIVE_INFINITY }: FaultOptions = {}): SetFault {
    const clear = (): void => {
      const at = this.#set.findIndex(({ handle }) => handle === set);
      if (at >= 0) this.#set.splice(at, 1);
    };
    const set: SetFault = { hits: 0, clear, [Symbol.dispose]: clear };
    this.#set.push({ fault, on, left: times, handle: set });
    return set;
  }

  clear(): void {
    this.#set.length = 0;
  }

  /** The faults of this request: each that fits, so latency can come before an error. */
  take(request: Seen): Fault[] {
    const here = this.#set.filter(({ left, on }) => left > 0 && on(request));
    for (const entry of here) {
      entry.left -= 1;
      entry.handle.hits += 1;
    }
    return here.map(({ fault }) => fault);
  }
}

/** The limiter in front of GitLab: plain text, with the wait in `Retry-After` (seconds). */
export function rateLimited(retryAfter = 30, now = new Date()): Fault {
  const reset = new Date(now.getTime() + retryAfter * 1000);
  return {
    answer: text(429, 'Retry later\n', {
      'ratelimit-limit': '60',
      'ratelimit-name': 'throttle_authenticated_api',
      'ratelimit-observed': '67',
      'ratelimit-remaining': '0',
      'ratelimit-reset': String(Math.floor(reset.getTime() / 1000)),
      'ratelimit-resettime': reset.toUTCString(),
      'retry-after': String(retryAfter),
    }),
  };
}

export const TOO_MANY = 'This endpoint has been requested too many times. Try again later.';

/** The limiter inside of GitLab: JSON, and no word about when. */
export function endpointLimited(): Fault {
  return { answer: json(429, { message: { error: TOO_MANY } }) };
}

/** As the API says it. Git says 401 in its own words: let the token itself expire there. */
export function expiredToken(): Fault {
  return {
    answer: invalidToken('Token is expired. You can either do re-authorization or token refresh.').answer,
  };
}

/** 500 as the API says it. */
export function serverError(): Fault {
  return { answer: json(500, { message: '500 Internal Server Error' }) };
}

/** A page of the proxy before GitLab. */
export function htmlError(status: 502 | 503 | 504 = 502): Fault {
  const body = `<!DOCTYPE html>\n<html><head><title>GitLab is not responding (${status})</title></head><body><h1>${status}</h1><p>Whoops, GitLab is taking too much time to respond.</p></body></html>\n`;
  return { answer: { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body } };
}

/** Gitaly has no place free. */
export function overloaded(retryAfter = 50): Fault {
  const message = 'Upstream Gitaly has been exhausted. Try again later';
  return { answer: json(503, { message }, { 'retry-after': String(retryAfter) }) };
}
