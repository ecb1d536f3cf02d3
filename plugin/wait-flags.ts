import type { InferredOptionTypes } from 'yargs';
import { parseDuration } from '../core/kube/timeout.ts';
import { ProblemError } from '../core/model/problem.ts';

// Flags of commands that wait until what they did is well.
export const WAIT_FLAGS = {
  wait: {
    type: 'boolean',
    default: false,
    describe:
      'Wait until every object is healthy; a failure that nothing but a person can mend ends it at once',
  },
  timeout: {
    type: 'string',
    requiresArg: true,
    describe: 'With --wait: how long to wait, all together, such as 90s, 5m (the default) or 1h30m',
  },
} as const;

type WaitFlags = Pick<InferredOptionTypes<typeof WAIT_FLAGS>, 'wait' | 'timeout'>;

const DEFAULT_TIMEOUT = 300_000;

/** The longest wait in ms; undefined where nobody asked to wait. Throws ProblemError. */
export function readWait({ wait, timeout }: WaitFlags): { timeout: number } | undefined {
  if (!wait && timeout === undefined) return undefined;
  if (!wait) {
    const hint = 'say what to wait for: --wait; the time of a single request is --request-timeout';
    throw new ProblemError({
      code: 'Usage',
      message: '--timeout says how long to wait, and --wait is missing',
      hint,
    });
  }
  return { timeout: timeout === undefined ? DEFAULT_TIMEOUT : readTimeout(timeout) };
}

/** A duration in ms. Throws ProblemError. */
export function readTimeout(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new ProblemError({
      code: 'Usage',
      message: `can't read --timeout ${JSON.stringify(text)}`,
      hint: 'write a duration: 90s, 5m, 1h30m',
    });
  return ms;
}
