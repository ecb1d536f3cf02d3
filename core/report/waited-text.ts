import { type ApplyRecord, isUnwell, type Outcome } from '../model/apply.ts';
import { HEALTH_STATUSES, type HealthStatus } from '../model/health.ts';
import { formatObject } from '../model/object.ts';
import { oneLine } from './escape.ts';
import { painter, STEP_HANG, type Style, wrap } from './terminal.ts';
import type { TerminalOptions } from './unified.ts';
import { cutWide } from './wide.ts';
import { objectText } from './words.ts';

/** Of more objects than that only the first sentence is printed: the stories of many are often the same. */
const MAX_STORIES = 20;

const STYLES: Partial<Record<HealthStatus, Style>> = { degraded: 'red', missing: 'red' };

/** What was waited for in vain, the worst first, each with its story; '' where there is nothing. */
export function unwellText(outcomes: readonly Outcome[], options: TerminalOptions = {}): string {
  const rank = ({ health }: Outcome): number => HEALTH_STATUSES.indexOf(health!.status);
  const sorted = outcomes.filter(isUnwell).toSorted((a, b) => rank(a) - rank(b));
  return sorted.flatMap((outcome, index) => linesOf(outcome, index < MAX_STORIES, options)).join('');
}

function linesOf(
  { change, health, story = [] }: Outcome,
  isTold: boolean,
  options: TerminalOptions,
): string[] {
  const { color = false, width = 80 } = options;
  const paint = painter(color);
  const { status, reason, message } = health!;
  const word = paint(STYLES[status] ?? 'yellow', `! ${status}`);
  const head = `${word}  ${paint('bold', objectText(change))}   ${oneLine(reason)}`;
  const own = `${formatObject(change.id)}: `;
  const told = isTold && story.length > 0 ? story : message ? [{ depth: 0, text: message }] : [];
  const lines = told.flatMap(({ depth, text }) => {
    // The head has named it already.
    const rest = depth === 0 && text.startsWith(own) ? text.slice(own.length) : text;
    return wrap(cutWide(oneLine(rest)), width, ' '.repeat(4 + 2 * depth), STEP_HANG);
  });
  return [head, ...lines].map((line) => `${line}\n`);
}

/** How the waiting ended, in a line; '' where nobody waited. */
export function waitedText({ waited, outcomes }: ApplyRecord): string {
  if (!waited) return '';
  const { end, seconds } = waited;
  const unwell = outcomes.filter(isUnwell).length;
  const count = `${unwell} not healthy`;
  switch (end) {
    case 'well':
      return `all are healthy, after ${seconds} s\n`;
    case 'terminal':
      return `${count}; ended after ${seconds} s, as waiting on would not mend it\n`;
    case 'unknown':
      return `${count}: whether it becomes healthy can't be watched\n`;
    case 'stopped':
      return `${count}; interrupted after ${seconds} s of waiting\n`;
    case 'timeout':
      return outcomes.some(({ error }) => error)
        ? `${count}; nobody waited for more, as not all was applied\n`
        : `${count} after ${seconds} s of waiting (--timeout)\n`;
  }
}
