import { type Problem, placeOf } from '../core/model/problem.ts';
import { oneLine } from '../core/report/escape.ts';

/** `web.yaml:3:5: unknown field (and 2 more)`: what is said of problems where there is room for one. */
export function headline([first, ...more]: readonly [Problem, ...Problem[]]): string {
  const rest = more.length > 0 ? ` (and ${more.length} more)` : '';
  return oneLine(`${place(first)}${first.message}${rest}`);
}

/** `web.yaml:3:5: `, or '' for what is nowhere in a file. */
export function place(problem: Problem): string {
  const where = placeOf(problem);
  return where ? `${oneLine(where)}: ` : '';
}
