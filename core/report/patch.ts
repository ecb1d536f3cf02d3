import type { Json } from '../model/json.ts';
import { formatPath } from '../model/path.ts';
import type { Change } from '../model/plan.ts';
import { escapeUnsafe } from './escape.ts';
import { type DiffLine, lineCount, type Mark, treeDiff } from './tree-diff.ts';
import { cutWide, cutWidePair } from './wide.ts';
import { pathOf } from './yaml.ts';

/** A line of a patch. `@` begins a hunk: its text is `-1,3 +1,4`, and `where` is the path that its change is in. */
export interface PatchLine {
  mark: Mark | '@';
  text: string;
  where?: string;
}

const CONTEXT = 3;
/** At most so many added or removed lines of one string are shown, and so many lines of one object. */
export const FIELD_LINES = 400;
export const OBJECT_LINES = 1000;

/**
 * What a change does to its object, as hunks of YAML with three lines of context: empty where nothing differs or
 * the action changes nothing. Bounded whatever the object holds: strings that differ in too many lines, and what
 * goes beyond `FIELD_LINES` and `OBJECT_LINES`, are replaced by a `~` line that says how much there is.
 */
export function patch(change: Change): PatchLine[] {
  if (change.action === 'unknown' || change.action === 'unchanged' || change.action === 'skip') return [];
  const whole = compare(change.before, change.after);
  return whole.length > 0 ? whole : compare(...fieldsAsMaps(change));
}

function compare(before: Json | undefined, after: Json | undefined): PatchLine[] {
  return cutLines(limitObject(hunks(limitFields(treeDiff(before, after)))));
}

/** The text of a patch. Where nothing was left out, programs that read unified diffs read it too. */
export function formatPatch(lines: readonly PatchLine[]): string {
  return lines.map((line) => `${formatLine(line)}\n`).join('');
}

function formatLine(line: PatchLine): string {
  if (line.mark === '@') return `@@ ${line.text} @@${line.where ? ` ${line.where}` : ''}`;
  return line.mark === '~' ? `~ ${line.text}` : line.mark + line.text;
}

// Where the plan knows fields only, their paths serve as keys.
function fieldsAsMaps(change: Change): [Json | undefined, Json | undefined] {
  if (!change.fields || change.fields.length === 0) return [undefined, undefined];
  const side = (name: 'before' | 'after'): Json | undefined => {
    const known = change.fields!.filter((field) => field[name] !== undefined);
    if (known.length === 0) return undefined;
    return Object.fromEntries(known.map((field) => [field.path, field[name]!]));
  };
  return [side('before'), side('after')];
}

// Lines of one string share one place; all other lines have places of their own.
function limitFields(lines: DiffLine[]): DiffLine[] {
  if (lines.length <= FIELD_LINES) return lines;
  const kept: DiffLine[] = [];
  for (let start = 0; start < lines.length; ) {
    const first = lines[start]!;
    let end = start + 1;
    while (end < lines.length && lines[end]!.mark === first.mark && lines[end]!.place === first.place) end++;
    const shown = first.mark === ' ' ? end : Math.min(end, start + FIELD_LINES);
    for (let index = start; index < shown; index++) kept.push(lines[index]!);
    if (shown < end) {
      const rest = end - shown;
      const what = lineCount(rest).replace(' ', ' more ');
      const text = `${where(first)}: ${what} ${first.mark === '-' ? 'removed' : 'added'}, not shown`;
      kept.push({
        mark: '~',
        text,
        place: first.place,
        before: first.before * rest,
        after: first.after * rest,
      });
    }
    start = end;
  }
  return kept;
}

function hunks(lines: DiffLine[]): PatchLine[] {
  const out: PatchLine[] = [];
  let hunk: DiffLine[] = [];
  let start = { before: 0, after: 0 };
  let at = { before: 0, after: 0 };
  const close = (): void => {
    // Context alone says nothing: it is left when a `~` line ends a hunk early.
    if (hunk.some((line) => line.mark !== ' ')) {
      out.push(hunkHead(hunk, start));
      for (const line of hunk) out.push({ mark: line.mark, text: line.text });
    }
    hunk = [];
  };
  const near = nearChange(lines);
  lines.forEach((line, index) => {
    if (!near[index] || line.mark === '~') close();
    if (line.mark === '~') out.push({ mark: '~', text: escapeUnsafe(line.text) });
    else if (near[index]) {
      if (hunk.length === 0) start = at;
      hunk.push(line);
    }
    at = { before: at.before + line.before, after: at.after + line.after };
  });
  close();
  return out;
}

function nearChange(lines: readonly DiffLine[]): boolean[] {
  const near: boolean[] = new Array(lines.length).fill(false);
  lines.forEach((line, index) => {
    if (line.mark === ' ') return;
    const end = Math.min(lines.length, index + CONTEXT + 1);
    for (let at = Math.max(0, index - CONTEXT); at < end; at++) near[at] = true;
  });
  return near;
}

function hunkHead(hunk: readonly DiffLine[], start: { before: number; after: number }): PatchLine {
  const sum = (side: 'before' | 'after'): string => {
    const count = hunk.reduce((total, line) => total + line[side], 0);
    // A unified diff names the line before where a side has none.
    return `${start[side] + (count === 0 ? 0 : 1)},${count}`;
  };
  const change = hunk.find((line) => line.mark !== ' ')!;
  // A string's own lines are best found by its key, any other field by what it is in.
  const previous = hunk[hunk.indexOf(change) - 1];
  const insideText = previous === undefined ? false : previous.place === change.place;
  const path = formatPath(pathOf(insideText ? change.place : change.place?.parent));
  return { mark: '@', text: `-${sum('before')} +${sum('after')}`, where: escapeUnsafe(path) };
}

function where(line: DiffLine): string {
  return formatPath(pathOf(line.place));
}

function limitObject(lines: PatchLine[]): PatchLine[] {
  if (lines.length <= OBJECT_LINES) return lines;
  const rest = lines.slice(OBJECT_LINES);
  const count = (mark: Mark): number => rest.filter((line) => line.mark === mark).length;
  const changed = [
    [count('+'), 'added'],
    [count('-'), 'removed'],
  ] as const;
  const counts = changed
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${lineCount(number)} ${word}`);
  const notes = rest.filter((line) => line.mark === '~');
  const text = counts.length > 0 ? `and ${counts.join(', ')}, not shown` : 'and more lines, not shown';
  return [...lines.slice(0, OBJECT_LINES), ...notes.slice(0, 20), { mark: '~', text }];
}

// A run of removed lines is compared with the run of added lines after it, line by line, so that what differs in
// a wide line stays visible.
function cutLines(lines: PatchLine[]): PatchLine[] {
  for (let start = 0; start < lines.length; start++) {
    if (lines[start]!.mark !== '-') {
      lines[start]!.text = cutWide(lines[start]!.text);
      continue;
    }
    let added = start;
    while (lines[added]?.mark === '-') added++;
    let end = added;
    while (lines[end]?.mark === '+') end++;
    const pairs = Math.min(added - start, end - added);
    for (let index = 0; index < pairs; index++) {
      const [old, fresh] = [lines[start + index]!, lines[added + index]!];
      [old.text, fresh.text] = cutWidePair(old.text, fresh.text);
    }
    for (let index = start + pairs; index < end; index++) {
      const paired = index >= added && index < added + pairs;
      if (!paired) lines[index]!.text = cutWide(lines[index]!.text);
    }
    start = end - 1;
  }
  return lines;
}
