import { deepEqual, type Json, type JsonObject } from '../model/json.ts';
import { formatPath } from '../model/path.ts';
import { diffSequences } from './line-diff.ts';
import { matchItems } from './match-items.ts';
import { isMultiLine, needsQuotes, textBlock } from './scalar.ts';
import {
  compareAtTop,
  compareInside,
  entryHead,
  isFilledList,
  isFilledMap,
  itemStep,
  keysOf,
  type Place,
  pathOf,
  textLine,
  withDash,
  writeEntry,
  writeItem,
  writeRoot,
} from './yaml.ts';

/** ` ` is on both sides, `-` and `+` on one, `~` stands for lines that are too many to compare or to show. */
export type Mark = ' ' | '-' | '+' | '~';

/** One printed line of the comparison; `before` and `after` are the lines it stands for on each side. */
export interface DiffLine {
  mark: Mark;
  text: string;
  place: Place | undefined;
  before: number;
  after: number;
}

/**
 * Compares two values and gives the YAML of both as one sequence: lines marked ` ` and `-` are the YAML of
 * `before`, lines marked ` ` and `+` that of `after`. Maps are compared key by key and lists item by item, so
 * that a change stays with its field; only the lines of strings are compared as text, within bounds.
 */
export function treeDiff(before: Json | undefined, after: Json | undefined): DiffLine[] {
  const out: DiffLine[] = [];
  if (before === undefined || after === undefined || deepEqual(before, after)) {
    const mark = before === undefined ? '+' : after === undefined ? '-' : ' ';
    const value = before ?? after;
    if (value !== undefined) writeRoot(value, emitter(out, mark));
  } else if (isFilledMap(before) && isFilledMap(after)) diffMap(before, after, 0, undefined, out);
  else if (isFilledList(before) && isFilledList(after)) diffList(before, after, 0, undefined, out);
  else {
    writeRoot(before, emitter(out, '-'));
    writeRoot(after, emitter(out, '+'));
  }
  return out;
}

function diffMap(
  before: JsonObject,
  after: JsonObject,
  indent: number,
  parent: Place | undefined,
  out: DiffLine[],
): void {
  const top = parent === undefined;
  const keys = mergeSorted(keysOf(before, top), keysOf(after, top), top ? compareAtTop : compareInside);
  for (const key of keys) {
    const place = { parent, step: key };
    const [a, b] = [own(before, key), own(after, key)];
    if (a === undefined) writeEntry(key, b!, indent, place, emitter(out, '+'));
    else if (b === undefined) writeEntry(key, a, indent, place, emitter(out, '-'));
    else if (deepEqual(a, b)) writeEntry(key, a, indent, place, emitter(out, ' '));
    else if (isFilledMap(a) && isFilledMap(b)) {
      push(out, ' ', entryHead(key, indent), place);
      diffMap(a, b, indent + 2, place, out);
    } else if (isFilledList(a) && isFilledList(b)) {
      push(out, ' ', entryHead(key, indent), place);
      diffList(a, b, indent, place, out);
    } else if (isMultiLine(a) && isMultiLine(b)) diffText(entryHead(key, indent), a, b, indent, place, out);
    else {
      writeEntry(key, a, indent, place, emitter(out, '-'));
      writeEntry(key, b, indent, place, emitter(out, '+'));
    }
  }
}

function diffList(
  before: Json[],
  after: Json[],
  indent: number,
  parent: Place | undefined,
  out: DiffLine[],
): void {
  for (const [from, to] of matchItems(before, after)) {
    const a = from === undefined ? undefined : before[from];
    const b = to === undefined ? undefined : after[to];
    const place = { parent, step: itemStep((b ?? a)!, (to ?? from)!) };
    if (a === undefined) writeItem(b!, indent, place, emitter(out, '+'));
    else if (b === undefined) writeItem(a, indent, place, emitter(out, '-'));
    else if (deepEqual(a, b)) writeItem(a, indent, place, emitter(out, ' '));
    else diffItem(a, b, indent, place, out);
  }
}

function diffItem(a: Json, b: Json, indent: number, place: Place, out: DiffLine[]): void {
  if (isFilledMap(a) && isFilledMap(b)) {
    const inner: DiffLine[] = [];
    diffMap(a, b, indent + 2, place, inner);
    pushDashed(inner, indent, out);
  } else if (isMultiLine(a) && isMultiLine(b)) diffText(`${' '.repeat(indent)}-`, a, b, indent, place, out);
  else {
    writeItem(a, indent, place, emitter(out, '-'));
    writeItem(b, indent, place, emitter(out, '+'));
  }
}

// The dash stands on the first line of an item, and that may be another line on each side.
function pushDashed(inner: DiffLine[], indent: number, out: DiffLine[]): void {
  const firstBefore = inner.findIndex((line) => line.before > 0);
  const firstAfter = inner.findIndex((line) => line.after > 0);
  inner.forEach((line, index) => {
    const [onBefore, onAfter] = [index === firstBefore, index === firstAfter];
    const dashed = withDash(line.text, indent);
    if (!onBefore && !onAfter) out.push(line);
    else if (line.mark === ' ' && onBefore !== onAfter) {
      push(out, '-', onBefore ? dashed : line.text, line.place);
      push(out, '+', onAfter ? dashed : line.text, line.place);
    } else out.push({ ...line, text: dashed });
  });
}

function diffText(head: string, a: string, b: string, indent: number, place: Place, out: DiffLine[]): void {
  // Both in the same style, or every line would differ. Spaces at line ends are only visible in quotes.
  const quoted = needsQuotes(a) || needsQuotes(b) || differAtLineEnds(a, b);
  const [before, after] = [textBlock(a, quoted), textBlock(b, quoted)];
  if (before.header === after.header) push(out, ' ', `${head} ${before.header}`, place);
  else {
    push(out, '-', `${head} ${before.header}`, place);
    push(out, '+', `${head} ${after.header}`, place);
  }
  const runs = diffSequences(before.lines, after.lines);
  if (!runs) {
    const counts = `${lineCount(before.lines.length)} → ${lineCount(after.lines.length)}`;
    const text = `${formatPath(pathOf(place))}: ${counts}, too many changes to show`;
    out.push({ mark: '~', text, place, before: before.lines.length, after: after.lines.length });
    return;
  }
  let at = { before: 0, after: 0 };
  for (const { kind, count } of runs) {
    const lines = kind === 'removed' ? before.lines : after.lines;
    const start = kind === 'removed' ? at.before : at.after;
    for (let index = start; index < start + count; index++) {
      push(out, MARKS[kind], textLine(lines[index]!, indent), place);
    }
    at = {
      before: at.before + (kind === 'added' ? 0 : count),
      after: at.after + (kind === 'removed' ? 0 : count),
    };
  }
}

const MARKS = { same: ' ', removed: '-', added: '+' } as const;

/** `4,812 lines`. */
export function lineCount(lines: number): string {
  return `${String(lines).replace(/\B(?=(\d{3})+$)/g, ',')} ${lines === 1 ? 'line' : 'lines'}`;
}

function differAtLineEnds(a: string, b: string): boolean {
  const [before, after] = [a.split('\n'), b.split('\n')];
  return (
    before.length === after.length && before.every((line, at) => line.trimEnd() === after[at]!.trimEnd())
  );
}

function emitter(out: DiffLine[], mark: ' ' | '-' | '+'): (text: string, place: Place | undefined) => void {
  return (text, place) => push(out, mark, text, place);
}

function push(out: DiffLine[], mark: ' ' | '-' | '+', text: string, place: Place | undefined): void {
  out.push({ mark, text, place, before: mark === '+' ? 0 : 1, after: mark === '-' ? 0 : 1 });
}

// A map may hold keys such as `constructor`, which must not be found on the prototype.
function own(map: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function mergeSorted(a: string[], b: string[], compare: (a: string, b: string) => number): string[] {
  const merged: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    const order = compare(a[i]!, b[j]!);
    merged.push(order <= 0 ? a[i]! : b[j]!);
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return [...merged, ...a.slice(i), ...b.slice(j)];
}
