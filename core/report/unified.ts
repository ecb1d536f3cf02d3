import type { Action, Change } from '../model/plan.ts';
import { formatPatch, type PatchLine, patch } from './patch.ts';
import { type Paint, painter, type Style, wrap } from './terminal.ts';
import {
  actionText,
  closingNotes,
  closingText,
  isHeldBack,
  isListed,
  notesOf,
  objectText,
  SYMBOLS,
  sourceText,
  summaryLine,
  unknownFirst,
} from './words.ts';

const ACTION_STYLES: Record<Action, Style> = {
  unknown: 'yellow',
  delete: 'red',
  replace: 'red',
  create: 'green',
  update: 'cyan',
  skip: 'dim',
  unchanged: 'dim',
};
const MARK_STYLES: Partial<Record<PatchLine['mark'], Style>> = {
  '-': 'red',
  '+': 'green',
  '@': 'cyan',
  '~': 'yellow',
};

export interface TerminalOptions {
  color?: boolean;
  /** Where messages are wrapped, in columns. Lines of YAML are never wrapped. */
  width?: number;
  /** Said of what others wrote, as an age; without it no times are told. */
  now?: Date;
}

/**
 * The default output: for each object that differs a line with action, object and source, then what is to be said
 * of it, then the patch; the counts are the last line. Reads the same without colour.
 */
export function unified(changes: readonly Change[], options: TerminalOptions = {}): string {
  const paint = painter(options.color ?? false);
  const width = options.width ?? 80;
  const blocks = unknownFirst(changes)
    .filter(isListed)
    .map((change) => block(change, paint, width, options.now));
  const closing = [
    ...closingNotes(changes).flatMap((note) => wrap(closingText(note), width, '')),
    paint('bold', summaryLine(changes)),
  ];
  return `${[...blocks, closing.join('\n')].join('\n\n')}\n`;
}

function block(change: Change, paint: Paint, width: number, now: Date | undefined): string {
  const lines = [header(change, paint)];
  for (const note of notesOf(change, now)) {
    const wrapped = wrap(note.text, width, '    ');
    lines.push(...(note.warning ? wrapped.map((line) => paint('yellow', line)) : wrapped));
  }
  for (const line of patchForPeople(change)) {
    const style = MARK_STYLES[line.mark];
    const text = line.mark === '@' ? hunkTitle(line) : formatPatch([line]).slice(0, -1);
    lines.push(style ? paint(style, text) : text);
  }
  return lines.join('\n');
}

function header(change: Change, paint: Paint): string {
  const [style, sign] = isHeldBack(change)
    ? (['yellow', SYMBOLS.skip] as const)
    : ([ACTION_STYLES[change.action], SYMBOLS[change.action]] as const);
  const action = paint(style, `${sign} ${actionText(change)}`);
  const source = sourceText(change);
  const parts = [`${action}  ${paint('bold', objectText(change))}`];
  if (source) parts.push(paint('dim', `(${source})`));
  if (change.verified === false) parts.push(paint('yellow', 'not verified'));
  return parts.join('   ');
}

/** A patch as people read it: without hunk heads where the whole object comes or goes. */
export function patchForPeople(change: Change): PatchLine[] {
  // What stays has nothing that goes.
  const lines = isHeldBack(change) ? [] : patch(change);
  const whole = change.action === 'create' || change.action === 'delete';
  return whole ? lines.filter((line) => line.mark !== '@') : lines;
}

/**
 * `@@ spec.template.spec.containers[name="app"] @@`: where in the object the next change is. Line numbers would be
 * those of no file that anybody has, so they are only in the patch of the JSON report.
 */
export function hunkTitle(line: PatchLine): string {
  return line.where ? `@@ ${line.where} @@` : '@@';
}
