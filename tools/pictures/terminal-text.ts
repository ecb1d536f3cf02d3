/** What a terminal shows of colours and weights (SGR, ECMA-48 §8.3.117), as far as our own output uses them. */
export type Color = 'red' | 'green' | 'yellow' | 'cyan';

export interface Look {
  color?: Color;
  bold?: boolean;
  dim?: boolean;
}

/** A piece of a line that looks the same from its first to its last character. */
export interface Run extends Look {
  text: string;
}

const COLORS: Record<number, Color> = { 31: 'red', 32: 'green', 33: 'yellow', 36: 'cyan' };
// The sequences that move a cursor, and titles of windows, show nothing.
const SEQUENCE = /\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|.?)/s;
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/g;

/** The lines of a terminal's output, each in its pieces. Throws for a look that a picture could not show. */
export function readTerminalText(text: string): Run[][] {
  const lines: Run[][] = [[]];
  let look: Look = {};
  let rest = text.replaceAll('\r\n', '\n');
  while (rest !== '') {
    const found = SEQUENCE.exec(rest);
    const plain = found ? rest.slice(0, found.index) : rest;
    add(lines, plain.replace(CONTROL, ''), look);
    if (!found) break;
    rest = rest.slice(found.index + found[0].length);
    if (found[2] === 'm') look = (found[1] || '0').split(';').reduce(changed, look);
  }
  if (lines.at(-1)!.length === 0) lines.pop();
  return lines;
}

function add(lines: Run[][], text: string, look: Look): void {
  const [first = '', ...more] = text.split('\n');
  if (first !== '') lines.at(-1)!.push({ text: first, ...look });
  for (const line of more) lines.push(line === '' ? [] : [{ text: line, ...look }]);
}

function changed(look: Look, parameter: string): Look {
  const code = Number(parameter);
  const { color, bold, dim } = look;
  if (code === 0) return {};
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 22) return color ? { color } : {};
  if (code === 39) return { ...(bold && { bold }), ...(dim && { dim }) };
  if (COLORS[code]) return { ...look, color: COLORS[code] };
  throw new Error(`a picture can't show the SGR code ${parameter}`);
}
