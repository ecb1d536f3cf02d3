import {
  countOutcomes,
  countText,
  isCounted,
  kindText,
  type Outcome,
  type OutcomeKind,
  outcomeKind,
} from '../model/apply.ts';
import type { Change } from '../model/plan.ts';
import { oneLine } from './escape.ts';
import { painter, type Style, wrap } from './terminal.ts';
import type { TerminalOptions } from './unified.ts';
import { notesOf, objectText, sourceText } from './words.ts';

/** The sign at the start of an outcome's line. */
const SIGNS: Record<OutcomeKind, [sign: string, style: Style]> = {
  created: ['+', 'green'],
  changed: ['~', 'cyan'],
  adopted: ['~', 'cyan'],
  replaced: ['-/+', 'red'],
  pruned: ['-', 'red'],
  takenOver: ['=', 'cyan'],
  unchanged: [' ', 'dim'],
  skipped: ['*', 'dim'],
  heldBack: ['*', 'yellow'],
  failed: ['!', 'red'],
};

const MAX_PATHS = 4;

/** What became of one object, in a few lines; '' where it is only counted. */
export function outcomeText(outcome: Outcome, options: TerminalOptions = {}): string {
  const { change, error } = outcome;
  const kind = outcomeKind(outcome);
  if (kind === 'unchanged' || isCounted(outcome)) return '';
  const { color = false, width = 80 } = options;
  const paint = painter(color);
  const [sign, style] = SIGNS[kind];
  const parts = [`${paint(style, `${sign} ${kindText(kind)}`)}  ${paint('bold', objectText(change))}`];
  const fields = change.fields ?? [];
  if (error || kind === 'skipped') {
    const source = sourceText(change);
    if (source) parts.push(paint('dim', `(${source})`));
  } else if (fields.length > 0) {
    const more = fields.length - MAX_PATHS;
    const paths = fields.slice(0, MAX_PATHS).map(({ path }) => oneLine(path));
    parts.push(`${paths.join(', ')}${more > 0 ? ` and ${more} more` : ''}`);
  }
  const notes = error
    ? [`${error.reason}: ${error.message}`, ...(error.hint ? [`hint: ${error.hint}`] : [])]
    : notesOf(kind === 'skipped' || kind === 'pruned' ? change : done(change)).map(({ text }) => text);
  const lines = notes.flatMap((note) => wrap(oneLine(note), width, '    '));
  const painted = error ? lines.map((line) => paint('yellow', line)) : lines;
  return [parts.join('   '), ...painted].map((line) => `${line}\n`).join('');
}

/** What was planned is no news any more; what was taken from or left to others is. */
function done({ reason: _reason, message: _message, ...change }: Change): Change {
  return { ...change, action: 'update' };
}

/** `3 created, 2 changed, 1 pruned, 994 unchanged`, after what is said of many objects at once. */
export function applySummaryText(outcomes: readonly Outcome[], options: TerminalOptions = {}): string {
  const { color = false, width = 80 } = options;
  const lines: string[] = [];
  for (const group of Map.groupBy(outcomes.filter(isCounted), ({ error }) => error!.message).values()) {
    const { reason, message, hint } = group[0]!.error!;
    const text = `${group.length} held back: ${reason}: ${message}${hint ? `; hint: ${hint}` : ''}`;
    lines.push(...wrap(oneLine(text), width, ''));
  }
  return [...lines, painter(color)('bold', countText(countOutcomes(outcomes)))]
    .map((line) => `${line}\n`)
    .join('');
}

/** `deployment.apps/web -n shop` for an object that was written or deleted, else ''. */
export function outcomeName({ change, result }: Outcome): string {
  return result === 'applied' || result === 'pruned' ? `${objectText(change)}\n` : '';
}
