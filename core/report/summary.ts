import type { Change } from '../model/plan.ts';
import { oneLine } from './escape.ts';
import { painter, type Style, wrap } from './terminal.ts';
import type { TerminalOptions } from './unified.ts';
import {
  actionText,
  closingNotes,
  closingText,
  isHeldBack,
  isListed,
  objectText,
  sourceText,
  summaryLine,
  unknownFirst,
} from './words.ts';

// One very long name must not push the columns of all other objects out of sight.
const MAX_COLUMN = 60;

/**
 * One aligned line for each object that differs or has something to say: action, object, source, short reason.
 * Objects that are unchanged without a reason are only counted, in the last line.
 */
export function summary(changes: readonly Change[], options: TerminalOptions = {}): string {
  const paint = painter(options.color ?? false);
  const listed = unknownFirst(changes).filter((change) => isListed(change) || change.reason);
  const rows = listed.map((change) => [
    actionText(change),
    objectText(change),
    sourceText(change),
    detail(change),
  ]);
  const widths = [0, 1, 2].map((column) =>
    Math.min(
      MAX_COLUMN,
      rows.reduce((widest, row) => Math.max(widest, row[column]!.length), 0),
    ),
  );
  const lines = rows.map((row, index) => {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    const change = listed[index]!;
    const style = isHeldBack(change) ? 'yellow' : STYLES[change.action];
    return [style ? paint(style, cells[0]!) : cells[0]!, ...cells.slice(1)].join('  ').trimEnd();
  });
  const notes = closingNotes(changes).flatMap((note) => wrap(closingText(note), options.width ?? 80, ''));
  return `${[...lines, ...(lines.length > 0 ? [''] : []), ...notes, paint('bold', summaryLine(changes))].join('\n')}\n`;
}

const STYLES: Partial<Record<Change['action'], Style>> = {
  unknown: 'yellow',
  delete: 'red',
  replace: 'red',
  create: 'green',
  update: 'cyan',
};

function detail(change: Change): string {
  const parts: string[] = [];
  if (change.reason) parts.push(oneLine(change.reason));
  const fields = change.fields?.length ?? 0;
  if (fields > 0 && (change.action === 'update' || change.action === 'replace')) {
    parts.push(fields === 1 ? oneLine(change.fields![0]!.path) : `${fields} fields`);
  }
  if (change.verified === false) parts.push('not verified');
  return parts.join(', ');
}
