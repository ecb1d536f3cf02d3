import { formatObject, type ObjectId } from './object.ts';

/**
 * Something a person has to mend: one sentence, where it is, and what to do. Problems are values; they become
 * text in `formatProblem` only. `line` and `column` start at 1. `picture` is the place in the file, drawn.
 */
export interface Problem {
  code: string;
  message: string;
  file?: string;
  line?: number;
  column?: number;
  picture?: string;
  object?: ObjectId;
  hint?: string;
}

/** Ends a command with exit code 2 and its problems printed, without a stack trace. */
export class ProblemError extends Error {
  readonly problems: Problem[];

  constructor(...problems: Problem[]) {
    super(problems.map((problem) => problem.message).join('; '));
    this.name = 'ProblemError';
    this.problems = problems;
  }
}

/** `FILE:LINE:COLUMN`, as far as it is known; '' for what is nowhere in a file. */
export function placeOf({ file, line, column }: Pick<Problem, 'file' | 'line' | 'column'>): string {
  return [file, line, column].filter((part) => part !== undefined).join(':');
}

/** `error: FILE:LINE:COLUMN: message`, the picture, then `hint: …`, each on lines of their own. */
export function formatProblem(problem: Problem): string {
  const where = placeOf(problem) || (problem.object ? formatObject(problem.object) : '');
  const lines = [`error: ${where ? `${where}: ` : ''}${problem.message}`];
  if (problem.picture) lines.push(problem.picture);
  if (problem.hint) lines.push(`hint: ${problem.hint}`);
  return lines.join('\n');
}
