export type Style = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold';

const CODES: Record<Style, [on: number, off: number]> = {
  green: [32, 39],
  red: [31, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  dim: [2, 22],
  bold: [1, 22],
};

/** Colours text or leaves it as it is. `util.styleText` does the same ten times slower, and patches are long. */
export type Paint = (style: Style, text: string) => string;

export function painter(color: boolean): Paint {
  return (style, text) => (color ? `\x1b[${CODES[style][0]}m${text}\x1b[${CODES[style][1]}m` : text);
}

/** By how much the second line of a step is further in than the first: the step below it is only half as far. */
export const STEP_HANG = '    ';

/**
 * Breaks a sentence at spaces into lines of at most `width` characters; words are never broken. The first line
 * begins with `indent`, the others with `hang` more.
 */
export function wrap(text: string, width: number, indent: string, hang = '  '): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    const start = lines.length > 0 ? indent + hang : indent;
    line = line ? `${line} ${word}` : start + word;
  }
  return [...lines, line];
}
