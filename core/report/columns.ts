import { painter, type Style, wrap } from './terminal.ts';

/** Text of a table, and how it is painted. */
export interface Cell {
  text: string;
  style?: Style;
}

// One very long name must not push what is said of all other rows out of sight.
const MAX_COLUMN = 60;
const GAP = 2;

/**
 * Rows below their headings, each ended. What stands in the last column is wrapped to the width, on lines of its own
 * where next to the others there is no room for a few words.
 */
export function columns(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  { color, width }: { color: boolean; width: number },
): string {
  const paint = painter(color);
  const last = headings.length - 1;
  const sizes = headings.slice(0, last).map((heading, index) =>
    Math.min(
      MAX_COLUMN,
      rows.reduce((widest, row) => Math.max(widest, row[index]!.text.length), heading.length),
    ),
  );
  const start = sizes.reduce((sum, size) => sum + size + GAP, 0);
  const line = (cells: readonly Cell[]): string[] => {
    const head = cells
      .slice(0, last)
      .map(({ text, style }, index) => {
        const room = ' '.repeat(Math.max(0, sizes[index]! - text.length) + GAP);
        return `${style ? paint(style, text) : text}${room}`;
      })
      .join('');
    const { text, style } = cells[last]!;
    const painted = (part: string): string => (style ? paint(style, part) : part);
    if (text === '' || text.length <= width - start) return [`${head}${painted(text)}`.trimEnd()];
    if (width - start >= 30) {
      const [first = '', ...more] = wrap(text, width - start, '');
      return [`${head}${painted(first)}`, ...more.map((part) => `${' '.repeat(start)}${painted(part)}`)];
    }
    return [head.trimEnd(), ...wrap(text, width, '    ').map(painted)];
  };
  const titles = headings.map((text, index) => text.padEnd((sizes[index] ?? 0) + GAP)).join('');
  return [paint('bold', titles.trimEnd()), ...rows.flatMap(line)].map((text) => `${text}\n`).join('');
}
