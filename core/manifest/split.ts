import type { Fault } from './fault.ts';

/** A document's part of a text, from `start` up to `end`; the `---` lines belong to none. */
export interface Span {
  start: number;
  end: number;
}

/**
 * Cuts a text into documents as kubectl does (`YAMLReader` of k8s.io/apimachinery): by lines that begin with
 * `---`, whatever they stand in, a block scalar too. Behind the three dashes only a comment may follow. What comes
 * after a line that breaks this is skipped up to the next good one: it is part of no document.
 */
export function splitDocuments(text: string, from = 0): { spans: Span[]; faults: Fault[] } {
  const spans: Span[] = [];
  const faults: Fault[] = [];
  let start = from;
  let skipping = false;
  let at = text.startsWith('---', from) ? from : nextSeparator(text, from);
  while (at >= 0) {
    if (!skipping && at > start) spans.push({ start, end: at });
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline + 1;
    const rest = text.slice(at + 3, end).trim();
    skipping = rest !== '' && !rest.startsWith('#');
    if (skipping) {
      const message = 'only a comment may follow the "---" that separates two documents';
      faults.push({
        code: 'BadSeparator',
        message,
        offset: at,
        hint: 'put what follows on a line of its own, or indent this line',
      });
    }
    start = end;
    at = newline < 0 ? -1 : text.startsWith('---', end) ? end : nextSeparator(text, end);
  }
  if (!skipping && start < text.length) spans.push({ start, end: text.length });
  return { spans, faults };
}

function nextSeparator(text: string, from: number): number {
  const at = text.indexOf('\n---', from);
  return at < 0 ? -1 : at + 1;
}
