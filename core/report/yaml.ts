import { isObject, type Json, type JsonObject } from '../model/json.ts';
import type { PathStep } from '../model/path.ts';
import { isMultiLine, needsQuotes, scalar, textBlock } from './scalar.ts';

// A printer of our own: js-yaml's dump quotes for YAML 1.2 and not for kubectl's dialect, leaves bidi and C1
// characters as they are, turns a CRLF file into one line, and can't say which line belongs to which field,
// which is what the patch needs.

/** Where a line stands in the value: a chain of steps up to the root. Lines of one string share one place. */
export interface Place {
  parent: Place | undefined;
  step: PathStep;
}

export type Emit = (text: string, place: Place | undefined) => void;

/** `sorted` is the order in which people write manifests; `given` keeps the order of insertion. */
export type KeyOrder = 'sorted' | 'given';

const FIRST_AT_TOP = ['apiVersion', 'kind', 'metadata', 'spec', 'data'];
const FIRST_INSIDE = ['name'];

/** YAML text of a value for display: the same value gives the same text, and no text drives a terminal. */
export function yamlText(value: Json, order: KeyOrder = 'sorted'): string {
  const lines: string[] = [];
  writeRoot(value, (text) => lines.push(text), order);
  return `${lines.join('\n')}\n`;
}

/** Writes a whole document, line by line. */
export function writeRoot(value: Json, emit: Emit, order: KeyOrder = 'sorted'): void {
  if (isFilledMap(value)) writeMap(value, 0, undefined, emit, order);
  else if (isFilledList(value)) writeList(value, 0, undefined, emit, order);
  else emit(inline(value), undefined);
}

function writeMap(
  map: JsonObject,
  indent: number,
  parent: Place | undefined,
  emit: Emit,
  order: KeyOrder,
): void {
  for (const key of keysOf(map, parent === undefined, order)) {
    writeEntry(key, map[key]!, indent, { parent, step: key }, emit, order);
  }
}

function writeList(
  list: Json[],
  indent: number,
  parent: Place | undefined,
  emit: Emit,
  order: KeyOrder,
): void {
  list.forEach((item, index) => {
    writeItem(item, indent, { parent, step: itemStep(item, index) }, emit, order);
  });
}

/** Writes `key: value` with all that is below it. Lists stand below their key without indent, as kubectl's do. */
export function writeEntry(
  key: string,
  value: Json,
  indent: number,
  place: Place,
  emit: Emit,
  order: KeyOrder = 'sorted',
): void {
  const head = entryHead(key, indent);
  if (isFilledMap(value)) {
    emit(head, place);
    writeMap(value, indent + 2, place, emit, order);
  } else if (isFilledList(value)) {
    emit(head, place);
    writeList(value, indent, place, emit, order);
  } else writeLeaf(head, value, indent, place, emit);
}

/** Writes `- item` with all that is below it. */
export function writeItem(
  value: Json,
  indent: number,
  place: Place,
  emit: Emit,
  order: KeyOrder = 'sorted',
): void {
  let first = true;
  const dashed: Emit = (text, at) => {
    emit(first ? withDash(text, indent) : text, at);
    first = false;
  };
  if (isFilledMap(value)) writeMap(value, indent + 2, place, dashed, order);
  else if (isFilledList(value)) writeList(value, indent + 2, place, dashed, order);
  else writeLeaf(`${' '.repeat(indent)}-`, value, indent, place, emit);
}

function writeLeaf(head: string, value: Json, indent: number, place: Place, emit: Emit): void {
  if (!isMultiLine(value)) {
    emit(`${head} ${inline(value)}`, place);
    return;
  }
  const block = textBlock(value, needsQuotes(value));
  emit(`${head} ${block.header}`, place);
  for (const line of block.lines) emit(textLine(line, indent), place);
}

function inline(value: Json): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? '[]' : '{}';
  return scalar(value);
}

/** `key:` at its indent. */
export function entryHead(key: string, indent: number): string {
  return `${' '.repeat(indent)}${scalar(key)}:`;
}

/** A line of a multi-line string below a key or dash at `indent`; empty lines get no trailing spaces. */
export function textLine(line: string, indent: number): string {
  return line === '' ? '' : ' '.repeat(indent + 2) + line;
}

/** Puts the dash of a list item on the first line of what is in it. */
export function withDash(text: string, indent: number): string {
  return `${text.slice(0, indent)}- ${text.slice(indent + 2)}`;
}

/** The keys of a map in the order in which they are printed. */
export function keysOf(map: JsonObject, top: boolean, order: KeyOrder = 'sorted'): string[] {
  const keys = Object.keys(map);
  return order === 'given' ? keys : keys.sort(top ? compareAtTop : compareInside);
}

export function compareAtTop(a: string, b: string): number {
  return rank(FIRST_AT_TOP, a) - rank(FIRST_AT_TOP, b) || compareText(a, b);
}

export function compareInside(a: string, b: string): number {
  return rank(FIRST_INSIDE, a) - rank(FIRST_INSIDE, b) || compareText(a, b);
}

function rank(first: readonly string[], key: string): number {
  const index = first.indexOf(key);
  return index < 0 ? first.length : index;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** How a list item is named in paths: by its `name` where it has one, else by its position. */
export function itemStep(item: Json, index: number): PathStep {
  return isObject(item) && typeof item.name === 'string' ? { keys: { name: item.name } } : index;
}

export function isFilledMap(value: Json | undefined): value is JsonObject {
  return isObject(value) && Object.keys(value).length > 0;
}

export function isFilledList(value: Json | undefined): value is Json[] {
  return Array.isArray(value) && value.length > 0;
}

/** The steps from the root to a place. */
export function pathOf(place: Place | undefined): PathStep[] {
  const steps: PathStep[] = [];
  for (let at = place; at; at = at.parent) steps.push(at.step);
  return steps.reverse();
}
