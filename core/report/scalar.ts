import type { Json } from '../model/json.ts';
import { escapeUnsafe, isSafe } from './escape.ts';

// What kubectl (go-yaml v2) reads as a boolean, null, merge or number. Quoting one word too many is harmless,
// quoting one too few is a lie, so letter case and digit separators are ignored.
const WORD = /^(?:~|null|y|n|yes|no|on|off|true|false|=|<<|[-+]?\.inf|\.nan)$/i;
const NUMBER = /^[-+]?(?:0x[0-9a-f]+|0o?[0-7]+|0b[01]+|(?:\.\d+|\d+(?:\.\d*)?)(?:e[-+]?\d+)?)$/i;
const NOT_PLAIN = /^$|^[\s,[\]{}#&*!|>'"%@`]|^[-?:](?:\s|$)|^(?:---|\.\.\.)|:(?:\s|$)|\s#|\s$|[\n\t]/;

/** A value that is no map and no list, on one line, quoted where kubectl would read another type or value. */
export function scalar(value: Json): string {
  if (typeof value === 'string') return isPlain(value) ? value : quote(value);
  return String(value);
}

function isPlain(text: string): boolean {
  if (NOT_PLAIN.test(text) || WORD.test(text)) return false;
  return !NUMBER.test(text.includes('_') ? text.replaceAll('_', '') : text) && isSafe(text);
}

function quote(text: string): string {
  if (/[\n\t]/.test(text) || !isSafe(text)) {
    return `"${escapeQuoted(text).replaceAll('\n', '\\n')}"`;
  }
  // Single quotes keep regular expressions and JSON readable.
  return /["\\]/.test(text) ? `'${text.replaceAll("'", "''")}'` : `"${text}"`;
}

function escapeQuoted(text: string): string {
  return escapeUnsafe(text.replace(/["\\]/g, '\\$&').replaceAll('\t', '\\t'));
}

/** A string over several lines: what stands behind its key, and the lines below it, not yet indented. */
export interface TextBlock {
  header: string;
  lines: string[];
}

/** Whether a string is shown over several lines. Those of nothing but white space are clearer quoted. */
export function isMultiLine(value: Json | undefined): value is string {
  return typeof value === 'string' && value.includes('\n') && /\S/.test(value);
}

/**
 * A multi-line string as a block scalar, or, where `quoted` (see `needsQuotes`), as a double-quoted scalar that
 * is continued line by line. Both are exact YAML, one line for each line of the string, so line diffs work.
 */
export function textBlock(text: string, quoted: boolean): TextBlock {
  if (quoted) {
    const lines = text.split('\n');
    const last = lines.pop()!;
    // Leading spaces of a continued line would be folded away.
    const continued = (line: string): string => escapeQuoted(line).replace(/^ /, '\\ ');
    const escaped = lines.map((line) => `${continued(line)}\\n\\`);
    return { header: '"\\', lines: [...escaped, ...(last === '' ? [] : [`${continued(last)}\\`]), '"'] };
  }
  const ended = text.endsWith('\n');
  const body = ended ? text.slice(0, -1) : text;
  const chomp = ended ? (body.endsWith('\n') ? '+' : '') : '-';
  return { header: `|${/^\n*[ \t]/.test(text) ? '2' : ''}${chomp}`, lines: body.split('\n') };
}

/** Whether a multi-line string can't be a block scalar, which has no escapes. */
export function needsQuotes(text: string): boolean {
  return !isSafe(text);
}
