import { isHeldBack, type Outcome } from '../model/apply.ts';
import type { Change } from '../model/plan.ts';
import { oneLine } from './escape.ts';
import { painter, type Style, wrap } from './terminal.ts';
import type { TerminalOptions } from './unified.ts';
import { notesOf, objectText, sourceText } from './words.ts';

/** How an outcome is called, in the order of the last line, with the sign at the start of its line. */
const WORDS = {
  created: ['+', 'green'],
  changed: ['~', 'cyan'],
  adopted: ['~', 'cyan'],
  replaced: ['-/+', 'red'],
  pruned: ['-', 'red'],
  'taken over': ['=', 'cyan'],
  unchanged: [' ', 'dim'],
  skipped: ['*', 'dim'],
  'held back': ['*', 'yellow'],
  failed: ['!', 'red'],
} as const satisfies Record<string, [sign: string, style: Style]>;
type Word = keyof typeof WORDS;

/** Of these every object has the same to say: they are counted. */
const COUNTED_REASONS = new Set(['Interrupted', 'Preflight', 'PruneBlocked', 'PruneLimit', 'EmptySource']);
const MAX_PATHS = 4;

/** What became of one object, in a few lines; '' where it is only counted. */
export function outcomeText(outcome: Outcome, options: TerminalOptions = {}): string {
  const { change, error } = outcome;
  const word = wordOf(outcome);
  if (word === 'unchanged' || isCounted(outcome)) return '';
  const { color = false, width = 80 } = options;
  const paint = painter(color);
  const [sign, style] = WORDS[word];
  const parts = [`${paint(style, `${sign} ${word}`)}  ${paint('bold', objectText(change))}`];
  const fields = change.fields ?? [];
  if (error || word === 'skipped') {
    const source = sourceText(change);
    if (source) parts.push(paint('dim', `(${source})`));
  } else if (fields.length > 0) {
    const more = fields.length - MAX_PATHS;
    const paths = fields.slice(0, MAX_PATHS).map(({ path }) => oneLine(path));
    parts.push(`${paths.join(', ')}${more > 0 ? ` and ${more} more` : ''}`);
  }
  const notes = error
    ? [`${error.reason}: ${error.message}`, ...(error.hint ? [`hint: ${error.hint}`] : [])]
    : notesOf(word === 'skipped' || word === 'pruned' ? change : done(change)).map(({ text }) => text);
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
  return [...lines, painter(color)('bold', applySummaryLine(outcomes))].map((line) => `${line}\n`).join('');
}

/** `deployment.apps/web -n shop` for an object that was written or deleted, else ''. */
export function outcomeName({ change, result }: Outcome): string {
  return result === 'applied' || result === 'pruned' ? `${objectText(change)}\n` : '';
}

function applySummaryLine(outcomes: readonly Outcome[]): string {
  const counts = Map.groupBy(outcomes, wordOf);
  const parts = (Object.keys(WORDS) as Word[]).flatMap((word) => {
    const count = counts.get(word)?.length ?? 0;
    return count > 0 ? [`${count} ${word}`] : [];
  });
  return parts.length > 0 ? parts.join(', ') : 'no objects';
}

function wordOf(outcome: Outcome): Word {
  const { change, result } = outcome;
  if (isHeldBack(outcome)) return 'held back';
  if (result !== 'applied') return result;
  if (change.action === 'create') return 'created';
  if (change.reason === 'Adopt') return 'adopted';
  if (change.action === 'replace') return 'replaced';
  return change.action === 'unchanged' ? 'taken over' : 'changed';
}

function isCounted(outcome: Outcome): boolean {
  return isHeldBack(outcome) && COUNTED_REASONS.has(outcome.error!.reason);
}
