import { oneLine } from './escape.ts';

// GitLab and GitHub turn `@name`, `#1`, `!1`, `~label`, addresses and links into references wherever text is prose,
// and GitLab also those made from entities. In code they do not: so all text that is not ours stands in code.

/** Text as inline code, in a paragraph or a table cell: on one line, inert, at most `limit` characters of it. */
export function codeSpan(text: string, limit = 200): string {
  const clean = shorten(oneLine(text), limit);
  if (clean === '') return '';
  // In a table a pipe needs a backslash, even in code, and `\\|` would be a backslash and the cell's end.
  const cell = clean.replace(/\\+(?=\|)/g, '$& ').replaceAll('|', '\\|');
  const fence = '`'.repeat(longestRun(cell, '`') + 1);
  const pad = cell.startsWith('`') || cell.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${cell}${pad}${fence}`;
}

/** Text as `<code>`, for places where HTML is and Markdown is not, such as `<summary>`. */
export function htmlCode(text: string, limit = 300): string {
  const entity = (char: string): string => `&#${char.codePointAt(0)};`;
  return `<code>${shorten(oneLine(text), limit).replace(/[^A-Za-z0-9 ./-]/gu, entity)}</code>`;
}

/** Lines as a code block that nothing in them can close. Each line must begin with a mark or a space. */
export function fenced(lines: readonly string[], language: string): string {
  const longest = lines.reduce((longest, line) => Math.max(longest, longestRun(line, '`')), 0);
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return [`${fence}${language}`, ...lines, fence].join('\n');
}

function longestRun(text: string, char: string): number {
  let longest = 0;
  let run = 0;
  for (const at of text) {
    run = at === char ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return longest;
}

function shorten(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
