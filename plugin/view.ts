import { painter } from '../core/report/terminal.ts';
import { cutToWidth } from '../core/report/width.ts';

/** What is going on, for a terminal and for a log. */
export interface View {
  /** For a line of a log; ends in `…`. */
  plain: string;
  /** The first line on a terminal; `plain` where there is none. */
  head?: string;
  bar?: { done: number; total: number };
  /** One line for each thing under way, what takes longest first. */
  details?: readonly string[];
}

export interface Screen {
  columns: number;
  rows: number;
}

const MAX_DETAILS = 8;
const BAR_WIDTH = 20;
/** On a narrower terminal the text needs the room. */
const BAR_FROM = 50;

/** The lines that show a view on a terminal, none wider than it. */
export function frame(
  { plain, head, bar, details = [] }: View,
  { columns, rows }: Screen,
  color: boolean,
): string[] {
  const paint = painter(color);
  // A character in the last column makes some terminals begin the next line.
  const width = Math.max(1, columns - 1);
  const room = Math.max(0, Math.min(MAX_DETAILS, rows - 3));
  const shown = details.length > room ? details.slice(0, Math.max(0, room - 1)) : details;
  const more = details.length - shown.length;
  const text = head ?? plain;
  const drawn = bar && columns >= BAR_FROM ? `${barOf(bar)} ` : '';
  return [
    paint('cyan', drawn) + cutToWidth(text, width - drawn.length),
    ...shown.map((line) => cutToWidth(`  ${line}`, width)),
    ...(more > 0 && room > 0 ? [paint('dim', cutToWidth(`  and ${more} more`, width))] : []),
  ];
}

function barOf({ done, total }: { done: number; total: number }): string {
  const full = total > 0 ? Math.floor((done / total) * BAR_WIDTH) : 0;
  return '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
}
