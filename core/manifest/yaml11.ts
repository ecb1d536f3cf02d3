import { COLLECTION_STYLE, EVENT_ID, type Event, SCALAR_STYLE } from 'js-yaml';
import { placeOf } from './events.ts';
import type { Fault } from './fault.ts';

/*
 * What js-yaml, a parser of YAML 1.2, takes and kubectl's YAML 1.1 refuses or reads as something else. Found by
 * comparing the two on thousands of texts; everything here is a refusal.
 */

const MAX_KEY = 1024;
const BLANK_WITH_TAB = /^ *\t[ \t]*(?:#.*)?$/gm;

interface Open {
  mapping: boolean;
  flow: boolean;
  /** In a mapping: whether the next node is a key. */
  key: boolean;
  /** Where the last key ends. */
  keyEnd: number;
  column: number;
}

/** The first place in a document's events that kubectl would not read in the same way. */
export function yaml11Fault(source: string, events: Event[]): Fault | undefined {
  const hasTabs = source.includes('\t');
  const tabs = hasTabs ? [...source.matchAll(BLANK_WITH_TAB)].map((match) => match.index) : [];
  const stack: Open[] = [];
  let nextTab = 0;
  let end = 0;
  let flows = 0;
  // Blanks behind a plain scalar may hold tabs, from this column on.
  let taken = Number.POSITIVE_INFINITY;
  const isWrong = (tab: number): boolean => {
    const column = source.indexOf('\t', tab) - tab;
    return isOutside(source, end, tab, flows) && !(flows === 0 && column >= taken);
  };
  for (let index = 1; index < events.length; index += 1) {
    const event = events[index]!;
    const place = placeOf(event);
    while (nextTab < tabs.length && place > tabs[nextTab]!) {
      if (isWrong(tabs[nextTab]!)) return tabFault(tabs[nextTab]!);
      nextTab += 1;
    }
    if (event.type === EVENT_ID.POP) {
      stack.pop();
      continue;
    }
    const parent = stack.at(-1);
    if (place >= 0) {
      const fault =
        (hasTabs ? leadingTab(source, event, place, parent) : undefined) ??
        nodeFault(source, event, place, parent);
      if (fault) return fault;
      const isPlain = event.type === EVENT_ID.SCALAR && event.style === SCALAR_STYLE.PLAIN;
      end = event.type === EVENT_ID.SCALAR && !isPlain ? event.valueEnd : place;
      taken = isPlain ? (parent?.column ?? -1) + 1 : Number.POSITIVE_INFINITY;
    }
    if (parent?.mapping) {
      const fault = parent.key ? keyFault(source, event, events[index + 1], parent) : undefined;
      if (fault) return fault;
      if (parent.key) parent.keyEnd = event.type === EVENT_ID.SCALAR ? event.valueEnd : place;
      parent.key = !parent.key;
    }
    if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) {
      const flow = event.style === COLLECTION_STYLE.FLOW;
      stack.push({
        mapping: event.type === EVENT_ID.MAPPING,
        flow,
        key: true,
        keyEnd: -1,
        column: place - source.lastIndexOf('\n', place - 1) - 1,
      });
    }
    flows = stack.reduce((count, open) => count + (open.flow ? 1 : 0), 0);
  }
  for (; nextTab < tabs.length; nextTab += 1) if (isWrong(tabs[nextTab]!)) return tabFault(tabs[nextTab]!);
  return undefined;
}

/** Whether a place is in no quoted or block string (they end at `end`) and in none of the `flows` collections. */
function isOutside(source: string, end: number, place: number, flows: number): boolean {
  if (place < end) return false;
  if (flows === 0) return true;
  return (source.slice(end, place).match(/[\]}]/g)?.length ?? 0) >= flows;
}

function tabFault(offset: number): Fault {
  return {
    code: 'Tab',
    message: 'kubectl takes no tab at the start of a line',
    offset,
    hint: 'remove it, or use spaces',
  };
}

/** A tab in the blanks before a node of a block collection, or before a block string's first line. */
function leadingTab(
  source: string,
  event: Event,
  place: number,
  parent: Open | undefined,
): Fault | undefined {
  if (parent?.flow) return undefined;
  const isBlockString = event.type === EVENT_ID.SCALAR && event.style >= SCALAR_STYLE.LITERAL_BLOCK;
  if (isBlockString) {
    const tab = firstLineTab(source, event.valueStart, event.valueEnd);
    return tab < 0 ? undefined : tabFault(tab);
  }
  const before = source.slice(source.lastIndexOf('\n', place - 1) + 1, place);
  if (/^ *\t[ \t]*$/.test(before)) return tabFault(place - 1);
  if (!parent || parent.mapping || !/-[ \t]*\t[ \t]*$/.test(before)) return undefined;
  return { code: 'Tab', message: 'kubectl takes no tab after "-"', offset: place - 1, hint: 'use a space' };
}

function nodeFault(source: string, event: Event, place: number, parent: Open | undefined): Fault | undefined {
  if (!parent) return undefined;
  if (parent.flow) {
    if (event.type !== EVENT_ID.SCALAR || event.style !== SCALAR_STYLE.PLAIN || source[place] !== ':')
      return undefined;
    return {
      code: 'Syntax',
      message: 'in [ ] and { } a value that begins with ":" needs quotes',
      offset: place,
    };
  }
  const isBlock = event.type === EVENT_ID.MAPPING && event.style === COLLECTION_STYLE.BLOCK;
  if (isBlock && parent.mapping && !parent.key && parent.keyEnd >= 0) {
    const newline = source.indexOf('\n', parent.keyEnd);
    if (newline < 0 || newline > place)
      return { code: 'Syntax', message: 'a map cannot begin on the line of its key', offset: place };
  }
  return undefined;
}

function keyFault(source: string, event: Event, value: Event | undefined, parent: Open): Fault | undefined {
  if (event.type !== EVENT_ID.SCALAR || event.valueStart < 0) return undefined;
  if (event.valueEnd - event.valueStart > MAX_KEY - 2) {
    const lineStart = source.lastIndexOf('\n', event.valueStart) + 1;
    if (!/(^|\s)\?\s/.test(source.slice(lineStart, event.valueStart))) {
      return { code: 'Syntax', message: `a key has at most ${MAX_KEY} characters`, offset: event.valueStart };
    }
  }
  if (parent.flow) {
    const after = event.valueEnd + (event.style === SCALAR_STYLE.PLAIN ? 0 : 1);
    if (source[after] !== ':' && /^\s*\n\s*:/.test(source.slice(after, after + 1000))) {
      return { code: 'Syntax', message: 'the ":" has to stand on the line of its key', offset: after };
    }
  }
  const isEmpty =
    value?.type === EVENT_ID.SCALAR && value.valueStart < 0 && value.tagStart < 0 && value.anchorStart < 0;
  if (
    parent.flow &&
    isEmpty &&
    event.style === SCALAR_STYLE.PLAIN &&
    /^:[,\]}]/.test(source.slice(event.valueEnd, event.valueEnd + 2))
  ) {
    return {
      code: 'Syntax',
      message: 'a space is missing after ":"',
      offset: event.valueEnd,
      hint: 'kubectl takes the ":" as a part of the key',
    };
  }
  return undefined;
}

/** A tab where a block string's indentation is found out: at its first line that is not empty. */
function firstLineTab(source: string, start: number, end: number): number {
  const header = source.slice(source.lastIndexOf('\n', start - 2) + 1, start);
  if (/[|>][-+]?[1-9]/.test(header)) return -1;
  let at = start;
  while (at < end && /[ \r\n]/.test(source[at]!)) at += 1;
  return at < end && source[at] === '\t' ? at : -1;
}
