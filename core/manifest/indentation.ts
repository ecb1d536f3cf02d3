import { type Event, parseEvents, YAMLException } from 'js-yaml';
import { MAX_DEPTH } from './fault.ts';

/*
 * YAML 1.2, and with it js-yaml, wants the lines of a flow collection or a quoted string indented deeper than what
 * they belong to; YAML 1.1, and with it kubectl, does not:
 *
 *     args: [
 *       --verbose
 *     ]
 *
 * Leading blanks have no meaning there, so such lines are indented before they are read, and places are counted
 * back. It also takes a tab between two items for indentation: such a tab becomes a space.
 */

const INDENT = ' '.repeat(32);
const MAX_WORK = 64 * 1024 * 1024;

export interface ParsedText {
  /** What the events' offsets count in. */
  source: string;
  events: Event[];
  /** The offset in the original text for one in `source`. */
  original: (offset: number) => number;
}

/** `parseEvents` of js-yaml with the indentation rules of YAML 1.1. Throws YAMLException, its mark in the original. */
export function parseIndulgently(text: string): ParsedText {
  let source = text;
  let work = 0;
  const indented: number[] = [];
  // `indented` holds where blanks were put in, in the text as it is now, in ascending order.
  const original = (offset: number): number => {
    let removed = 0;
    for (const place of indented) {
      if (place >= offset) break;
      removed += Math.min(INDENT.length, offset - place);
    }
    return offset - removed;
  };
  for (;;) {
    try {
      return { source, events: parseEvents(source, { maxDepth: MAX_DEPTH }), original };
    } catch (error) {
      if (!(error instanceof YAMLException) || !error.mark) throw error;
      work += source.length;
      const lineStart = source.lastIndexOf('\n', error.mark.position - 1) + 1;
      const mendable = error.reason === 'deficient indentation' && work < MAX_WORK;
      const lines = mendable ? sharedLines(source, lineStart) : [];
      const tab = mendable && lines.length === 0 ? separatingTab(source, lineStart, error.mark.position) : -1;
      if (lines.length > 0) source = indent(source, lines, indented);
      else if (tab >= 0) source = `${source.slice(0, tab)} ${source.slice(tab + 1)}`;
      else {
        error.mark.position = original(error.mark.position);
        throw error;
      }
    }
  }
}

function indent(source: string, lines: number[], indented: number[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const line of lines) {
    parts.push(source.slice(from, line), INDENT);
    from = line;
  }
  parts.push(source.slice(from));
  const before = (place: number): number => lines.filter((line) => line <= place).length;
  const moved = indented.map((place) => place + before(place) * INDENT.length);
  const added = lines.map((line, index) => line + index * INDENT.length);
  indented.splice(0, indented.length, ...[...moved, ...added].sort((a, b) => a - b));
  return parts.join('');
}

/** A tab that only separates things in a line, before `position`; -1 where it may be a part of a string. */
function separatingTab(source: string, lineStart: number, position: number): number {
  let at = position - 1;
  while (source[at] === ' ') at -= 1;
  if (source[at] === '\t' && at >= lineStart) return /-[ \t]*$/.test(source.slice(lineStart, at)) ? -1 : at;
  const first = source.slice(lineStart, position).indexOf('\t');
  return first >= 0 && !/["']/.test(source.slice(lineStart, lineStart + first)) ? lineStart + first : -1;
}

/** The starts of the lines from `lineStart` on that stand in the same collection or string; none if it is in none. */
function sharedLines(source: string, lineStart: number): number[] {
  let end = lineStart;
  try {
    parseEvents(source.slice(0, lineStart).trimEnd(), { maxDepth: MAX_DEPTH });
    return [];
  } catch (error) {
    const reason = error instanceof YAMLException ? error.reason : '';
    if (reason.includes('flow collection')) end = endOfCollection(source, lineStart);
    else if (reason.includes('double quoted')) end = endOfString(source, lineStart, '"');
    else if (reason.includes('single quoted')) end = endOfString(source, lineStart, "'");
    else return [];
  }
  const lines = [lineStart];
  for (
    let at = source.indexOf('\n', lineStart) + 1;
    at > 0 && at <= end && at < source.length;
    at = source.indexOf('\n', at) + 1
  ) {
    lines.push(at);
  }
  return lines;
}

function endOfString(source: string, from: number, quote: string): number {
  for (let at = from; at < source.length; at += 1) {
    const character = source[at];
    if (character === quote) {
      if (quote === '"' || source[at + 1] !== "'") return at;
      at += 1;
    } else if (character === '\\' && quote === '"') at += 1;
  }
  return from;
}

/** The bracket that closes the collection in which `from` stands; `from` itself where there is none. */
function endOfCollection(source: string, from: number): number {
  let depth = 0;
  // Whether a value may begin here: only then does a quote open a string.
  let open = true;
  for (let at = from; at < source.length; at += 1) {
    const character = source[at]!;
    if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') {
      depth -= 1;
      if (depth < 0) return at;
    } else if (open && (character === '"' || character === "'")) at = endOfString(source, at + 1, character);
    else if (character === '#' && /\s/.test(source[at - 1] ?? ' ')) {
      const newline = source.indexOf('\n', at);
      if (newline < 0) return from;
      at = newline;
    }
    if (/[[{,:?]/.test(character)) open = true;
    else if (!/\s/.test(character)) open = false;
  }
  return from;
}
