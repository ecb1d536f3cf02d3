import type { Action, Change } from '../model/plan.ts';
import { codeSpan, fenced, htmlCode } from './markdown-text.ts';
import { formatPatch } from './patch.ts';
import { hunkTitle, patchForPeople } from './unified.ts';
import {
  actionText,
  closingNotes,
  isHeldBack,
  isListed,
  notesOf,
  objectText,
  sourceText,
  summaryLine,
  unknownFirst,
} from './words.ts';

/** GitLab refuses notes of more than 1,000,000 characters. */
export const NOTE_BUDGET = 1_000_000;
/** Below this not even one row is sure to fit. */
export const LEAST_BUDGET = 16_000;

const MAX_NAMED = 10;
const TABLE = '| Action | Object | Source | Reason |\n|---|---|---|---|';

export interface MarkdownOptions {
  /** The most that one part may have, in bytes of UTF-8: never less than the characters, however a host counts. */
  budget?: number;
  /** The heading's first words (default `Kubernetes diff`), Markdown of the caller's own. */
  title?: string;
}

/** One object: its row in the table and its collapsed block, if it has one. */
interface Entry {
  row: string;
  details: string;
}

/**
 * The diff as notes for a merge request: heading with the counts, the dangerous ones first, a table, and a
 * collapsed block with the patch of each object. Split between objects so that each part keeps to the budget and
 * stands alone; an object that is too large for a part of its own says so in place of its patch. Nothing in a
 * manifest becomes Markdown, HTML, a mention, a reference or a quick action. Throws RangeError below `LEAST_BUDGET`.
 */
export function markdown(changes: readonly Change[], options: MarkdownOptions = {}): string[] {
  const budget = options.budget ?? NOTE_BUDGET;
  if (budget < LEAST_BUDGET) throw new RangeError(`a budget of ${budget} bytes is less than ${LEAST_BUDGET}`);
  const title = `### ${options.title ?? 'Kubernetes diff'}: ${summaryLine(changes, { dangerousFirst: true })}`;
  // The largest number of parts that a heading can name without growing beyond what is set aside here.
  const frame = bytes(`${title} (part 99999 of 99999)\n\n${TABLE}\n`);
  const closing = closingNotes(changes).map(({ words, quoted }) =>
    quoted ? `${words} ${codeSpan(quoted)}` : words,
  );
  const listed = unknownFirst(changes).filter(isListed);
  const dangers = dangerLines(listed);
  const once = [...dangers, ...closing];
  const room = budget - frame - bytes(once.join('\n\n')) - 16;
  const parts = split(listed, room);
  return parts.map((entries, index) => {
    const numbered = parts.length > 1 ? ` (part ${index + 1} of ${parts.length})` : '';
    const sections = [title + numbered];
    if (index === 0) sections.push(...dangers);
    if (entries.length > 0) sections.push([TABLE, ...entries.map((entry) => entry.row)].join('\n'));
    if (index === 0) sections.push(...closing);
    sections.push(...entries.map((entry) => entry.details).filter(Boolean));
    return `${sections.join('\n\n')}\n`;
  });
}

function split(changes: readonly Change[], room: number): Entry[][] {
  const parts: Entry[][] = [[]];
  let used = 0;
  for (const change of changes) {
    let entry: Entry = { row: row(change), details: details(change) };
    let size = sizeOf(entry);
    if (size > room) {
      entry = { row: entry.row, details: tooLarge(change, bytes(entry.details)) };
      size = sizeOf(entry);
    }
    if (used + size > room && used > 0) {
      parts.push([]);
      used = 0;
    }
    parts.at(-1)!.push(entry);
    used += size;
  }
  return parts;
}

// A reviewer must see what is lost without reading a table of 200 rows.
function dangerLines(changes: readonly Change[]): string[] {
  const line = (action: Action, words: string): string[] => {
    const objects = changes.filter((change) => change.action === action && !isHeldBack(change));
    if (objects.length === 0) return [];
    const named = objects.slice(0, MAX_NAMED).map((change) => codeSpan(objectText(change), 80));
    const more = objects.length > MAX_NAMED ? ` and ${objects.length - MAX_NAMED} more` : '';
    return [`**${words}:** ${named.join(', ')}${more}`];
  };
  return [...line('delete', 'Deletes'), ...line('replace', 'Deletes and creates again')];
}

function row(change: Change): string {
  const action = change.verified === false ? `${change.action}, not verified` : actionText(change);
  const isDanger = change.action === 'replace' || change.action === 'delete';
  const words = isDanger && !isHeldBack(change) ? `**${action}**` : action;
  const reason = [change.reason, change.message].filter(Boolean).join(': ');
  return `| ${words} | ${codeSpan(objectText(change))} | ${codeSpan(sourceText(change))} | ${codeSpan(reason)} |`;
}

function details(change: Change): string {
  // What may begin a line is a mark or a space: a quick action needs its slash in the first column.
  const lines = [
    ...notesOf(change).map((note) => `# ${note.text}`),
    ...patchForPeople(change).map((line) =>
      line.mark === '@' ? hunkTitle(line) : formatPatch([line]).slice(0, -1),
    ),
  ];
  return lines.length === 0 ? '' : collapsed(change, fenced(lines, 'diff'));
}

function tooLarge(change: Change, size: number): string {
  return collapsed(change, `The diff of this object has ${size} bytes, too many for this note.`);
}

function collapsed(change: Change, body: string): string {
  const title = `<summary>${actionText(change)} ${htmlCode(objectText(change))}</summary>`;
  return `<details>\n${title}\n\n${body}\n\n</details>`;
}

function sizeOf(entry: Entry): number {
  return bytes(entry.row) + bytes(entry.details) + 4;
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}
