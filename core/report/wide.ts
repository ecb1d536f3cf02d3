/** Lines up to this many characters (UTF-16 units) are printed whole. */
const WIDE = 500;

const HEAD = 120;
const TAIL = 60;
const BEFORE_CHANGE = 60;
const AFTER_CHANGE = 120;

type Window = [from: number, to: number];

/** A very wide line with its middle left out: `password…(199,780 characters)…=end`. */
export function cutWide(text: string): string {
  if (text.length <= WIDE) return text;
  return showWindows(text, ends(text));
}

/** Two versions of a line, cut so that the first and the last place where they differ stay visible. */
export function cutWidePair(before: string, after: string): [string, string] {
  if (before.length <= WIDE && after.length <= WIDE) return [before, after];
  const shorter = Math.min(before.length, after.length);
  let first = 0;
  while (first < shorter && before[first] === after[first]) first++;
  let same = 0;
  while (same < shorter - first && before[before.length - 1 - same] === after[after.length - 1 - same])
    same++;
  const cut = (text: string): string => {
    if (text.length <= WIDE) return text;
    const last = text.length - same;
    const start: Window = [first - BEFORE_CHANGE, first + AFTER_CHANGE];
    const end: Window = [last - BEFORE_CHANGE, last + TAIL];
    return showWindows(text, [...ends(text), start, end]);
  };
  return [cut(before), cut(after)];
}

function ends(text: string): Window[] {
  return [
    [0, HEAD],
    [text.length - TAIL, text.length],
  ];
}

function showWindows(text: string, windows: Window[]): string {
  windows.sort((a, b) => a[0] - b[0]);
  let shown = '';
  let at = 0;
  for (const [from, to] of windows) {
    const end = boundary(text, Math.min(to, text.length));
    if (end <= at) continue;
    const start = boundary(text, Math.max(from, at));
    // A note is longer than a few characters are.
    if (start - at > 40) shown += `…(${start - at} characters)…${text.slice(start, end)}`;
    else shown += text.slice(at, end);
    at = end;
  }
  return shown;
}

// Never between the two halves of a character outside the basic plane.
function boundary(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff && at > 0 ? at - 1 : at;
}
