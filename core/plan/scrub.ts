import type { ObjectId } from '../model/object.ts';

/** Shorter values would be found in half of all sentences. */
const SHORTEST_SEARCHED = 3;
const WORD = /[\p{L}\p{N}]/u;

/** From where, up to and not including where. */
type Span = [start: number, end: number];

/** What of an object everybody may know. */
export function publicWords({ group, kind, namespace, name }: ObjectId): string[] {
  return [kind, kind.toLowerCase(), group, name, ...(namespace === undefined ? [] : [namespace])];
}

/**
 * A text from elsewhere without the hidden values that it repeats. `known` are words that are no secret, such as the
 * names of objects: what is only a part of one in the text stays, so that the value `shop` does not maim `shop-db`.
 * A value that is itself such a word is hidden: where it stands alone, it may be the value.
 */
export function scrub(text: string, values: Iterable<string>, known: Iterable<string> = []): string {
  const hidden: Span[] = [];
  for (const value of new Set(values))
    if (value.length >= SHORTEST_SEARCHED) hidden.push(...occurrences(text, value));
  if (hidden.length === 0) return text;
  const names = [...new Set(known)].flatMap((name) => occurrences(text, name).filter(isWhole(text)));
  const kept = hidden.filter((span) => !names.some((name) => isPartOf(span, name)));
  return withoutSpans(text, kept);
}

function occurrences(text: string, part: string): Span[] {
  const found: Span[] = [];
  if (part === '') return found;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1))
    found.push([at, at + part.length]);
  return found;
}

/** Whether letters and digits end where the span does. */
function isWhole(text: string): (span: Span) => boolean {
  return ([start, end]) => !WORD.test(text.charAt(start - 1)) && !WORD.test(text.charAt(end));
}

function isPartOf([start, end]: Span, [from, to]: Span): boolean {
  return from <= start && end <= to && end - start < to - from;
}

/** Values that overlap are hidden as one: what is left of either would be half of it. */
function withoutSpans(text: string, spans: readonly Span[]): string {
  let result = '';
  let at = 0;
  for (const [start, end] of spans.toSorted((a, b) => a[0] - b[0])) {
    if (start >= at) result += `${text.slice(at, start)}(hidden)`;
    at = Math.max(at, end);
  }
  return result + text.slice(at);
}
