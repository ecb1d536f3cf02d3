import { formatProblem, ProblemError } from '../model/problem.ts';

/** What a program prints that ends with an error, and its exit code: 2 where a person has something to mend. */
export function programFailure(error: unknown): { text: string; code: 1 | 2 } {
  if (error instanceof ProblemError)
    return { text: `${error.problems.map(formatProblem).join('\n')}\n`, code: 2 };
  const told = error instanceof Error ? error.stack : String(error);
  return { text: `error: unexpected: ${told}\n`, code: 1 };
}
