const WIDTH = 80;
// Control and format characters could move the cursor, colour the terminal or turn the line around.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const KEY = /^(\s*(?:-\s+)*(?:"[\w./-]+"|'[\w./-]+'|[\w./-]+)\s*:)(\s|$)/;
// Escapes are ways to write "Secret" that a search for the word would not find.
const SECRETIVE = /\bSecret|\bstringData\b|\\(?:x53|x65|x72|x74|u0053|u0065|u0072|u0074|U000000)/;

/** Whether a text may hold a Secret: then no picture of it shows values. Also true for many that hold none. */
export function mayHoldSecret(text: string): boolean {
  return SECRETIVE.test(text);
}

/**
 * One line with a caret under a column (from 1), at most 80 columns wide:
 *
 *       12 | replicas: [3
 *          |           ^
 *
 * Where the text may hold a Secret, only the line's key is shown.
 */
export function drawLine(text: string, line: number, column: number, secretive: boolean): string {
  const gutter = `${String(line).padStart(4)} | `;
  const shown = secretive ? maskLine(text) : text;
  const caret = Math.min(column - 1, shown.length);
  // Long lines are cut before they are looked at closely: they may have megabytes.
  const room = WIDTH - gutter.length;
  const from = caret > room - 10 ? caret - (room >> 1) : 0;
  let visible = from > 0 ? '…' : '';
  let width = visible.length;
  let underline = ' '.repeat(width);
  let marked = false;
  let at = from;
  for (const character of shown.slice(from, from + room * 2)) {
    const cell = character === '\t' ? ' ' : character.replace(INVISIBLE, '\ufffd');
    const cells = WIDE.test(cell) ? 2 : 1;
    if (width + cells >= room) {
      visible += '…';
      break;
    }
    if (at === caret) marked = true;
    if (!marked) underline += ' '.repeat(cells);
    visible += cell;
    width += cells;
    at += character.length;
  }
  return `${gutter}${visible.trimEnd()}\n${' '.repeat(gutter.length - 2)}| ${underline}^`;
}

function maskLine(text: string): string {
  const key = KEY.exec(text.slice(0, 200));
  if (!key) return text.trim() === '' ? '' : `${/^\s*/.exec(text)![0].slice(0, 40)}…`;
  return text.slice(key[1]!.length).trim() === '' ? key[1]! : `${key[1]!} …`;
}
