import type { ApiFailure } from '../model/cluster.ts';
import type { Clock } from './clock.ts';

/** The longest that one request is tried again, in ms since its first attempt. */
export const REQUEST_WINDOW = 30_000;
/** The longest that one command spends on trying again, in ms, all requests together. */
export const COMMAND_WINDOW = 60_000;

const FIRST_DELAY = 250;
const LONGEST_DELAY = 5_000;

/** How a failure looks to the one who must decide whether to ask again. */
export interface Attempt {
  failure: ApiFailure;
  /** From 1. */
  number: number;
  /** What the server asked for, in ms. */
  retryAfter?: number | undefined;
  /** Milliseconds since the first attempt began. */
  elapsed: number;
  /** Whether doing it twice is as good as doing it once: reads, dry runs, applies; not updates. */
  repeatable: boolean;
  /** Whether a 409 only says that somebody wrote the object meanwhile: dry runs of an apply. */
  mayCollide?: boolean | undefined;
  /** Whether this server has answered before: a refused connection is then a restart, not a wrong address. */
  serverKnown: boolean;
}

/**
 * Milliseconds to wait before the next attempt, or undefined where another would be wrong or of no use. Asked
 * again are 429, 502–504, resets, 500 with the reason InternalError (a webhook's trouble) or without a Status (a
 * Status of 500 without a reason is a permanent mistake in a manifest), and a dry run that met a write of somebody
 * else. `random` is in [0, 1).
 */
export function retryDelay(attempt: Attempt, random: () => number): number | undefined {
  const { failure, number, retryAfter, elapsed, repeatable } = attempt;
  if (!isTransient(attempt)) return undefined;
  if (!repeatable && mayHaveActed(failure)) return undefined;
  const backoff = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (number - 1));
  const delay = Math.max(retryAfter ?? 0, backoff / 2 + (backoff / 2) * random());
  return elapsed + delay < REQUEST_WINDOW ? delay : undefined;
}

function isTransient({ failure, serverKnown, mayCollide = false }: Attempt): boolean {
  switch (failure.status) {
    case 0:
      if (failure.reason === 'ConnectionRefused') return serverKnown;
      return failure.reason === 'ConnectionReset' || failure.reason === 'DnsUnavailable';
    case 409:
      return mayCollide;
    case 429:
    case 502:
    case 503:
    case 504:
      return true;
    case 500:
      return failure.reason === 'InternalError' || failure.reason === 'NotKubernetes';
    default:
      return false;
  }
}

/** 429 comes before anything is done, and what could not connect never reached the server. */
function mayHaveActed({ status, reason }: ApiFailure): boolean {
  return !(
    status === 429 ||
    (status === 0 && (reason === 'ConnectionRefused' || reason === 'DnsUnavailable'))
  );
}

/** `Retry-After` in ms: seconds, or a date (RFC 9110). `now` is the wall clock in ms. */
export function parseRetryAfter(header: string | string[] | undefined, now: number): number | undefined {
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * What a command may still spend on trying again: the time in which at least one request was between its first
 * failure and its end. And a memory of silence: a server that has not answered anything for as long is given up.
 */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #window: number;
  #retrying = 0;
  #since = 0;
  #spent = 0;
  /** From the first attempt without an answer to the end of the last one, where none was answered in between. */
  #silence: { from: number; to: number } | undefined;

  constructor(clock: Clock, window: number = COMMAND_WINDOW) {
    this.#clock = clock;
    this.#window = window;
  }

  get exhausted(): boolean {
    const running = this.#retrying > 0 ? this.#clock.now() - this.#since : 0;
    return this.#spent + running >= this.#window;
  }

  /** True where asking again would only make a person wait: there was no answer for the whole window. */
  get serverLost(): boolean {
    if (!this.#silence) return false;
    const { from, to } = this.#silence;
    // Nobody asked for a while: the server deserves another try.
    if (this.#clock.now() - to >= this.#window) {
      this.#silence = undefined;
      return false;
    }
    return to - from >= this.#window;
  }

  /** A request begins to be tried again; call the result once when it is done. */
  enter(): () => void {
    if (this.#retrying === 0) this.#since = this.#clock.now();
    this.#retrying += 1;
    return () => {
      this.#retrying -= 1;
      if (this.#retrying === 0) this.#spent += this.#clock.now() - this.#since;
    };
  }

  /** `startedAt` is when the attempt began that got an answer, or none. */
  note(answered: boolean, startedAt: number): void {
    if (answered) this.#silence = undefined;
    else this.#silence = { from: this.#silence?.from ?? startedAt, to: this.#clock.now() };
  }
}
