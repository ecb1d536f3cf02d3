import { ProblemError } from '../model/problem.ts';

/** An environment as `process.env` has it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One problem of the connection as an error: a code, a sentence without secrets, what to do. */
export function problem(code: string, message: string, hint?: string): ProblemError {
  return new ProblemError({ code, message, ...(hint ? { hint } : {}) });
}
