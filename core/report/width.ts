// East Asian wide and fullwidth characters, and emoji, which terminals draw two columns wide (Unicode UAX #11).
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1b000}-\u{1b2ff}\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{1fa70}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const NONE = /\p{Mn}|\p{Me}|\p{Cf}/u;

/** Text of at most `columns` on a terminal; what is cut off ends in `…`. The text holds no control characters. */
export function cutToWidth(text: string, columns: number): string {
  // Nothing is wider than two columns for a character.
  if (text.length * 2 <= columns) return text;
  let width = 0;
  let kept = '';
  let keptWithMark = '';
  for (const character of text) {
    width += NONE.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
    if (width > columns) return columns > 0 ? `${keptWithMark}…` : '';
    kept += character;
    if (width < columns) keptWithMark = kept;
  }
  return text;
}

/** How many columns text takes on a terminal. It holds no control characters. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += NONE.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** Text filled up with spaces, or cut, to exactly so many columns. */
export function fitWidth(text: string, columns: number): string {
  const cut = widthOf(text) > columns ? cutToWidth(text, columns) : text;
  return cut + ' '.repeat(Math.max(0, columns - widthOf(cut)));
}

/** As `cutToWidth`, but what is cut off is the beginning: the end of a path says more. */
export function cutStart(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = '';
  let width = 1;
  for (const character of [...text].reverse()) {
    width += widthOf(character);
    if (width > columns) break;
    kept = character + kept;
  }
  return columns > 0 ? `…${kept}` : '';
}
