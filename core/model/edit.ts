/** One piece of a text, by its offsets, and what stands there instead. */
export interface Edit {
  from: number;
  to: number;
  text: string;
}

/** The text with edits that do not overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  return edits
    .toSorted((a, b) => b.from - a.from)
    .reduce((result, { from, to, text: added }) => result.slice(0, from) + added + result.slice(to), text);
}
