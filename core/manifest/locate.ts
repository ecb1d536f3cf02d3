import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE, type ScalarEvent } from 'js-yaml';
import type { Json } from '../model/json.ts';
import type { Path, PathStep } from '../model/path.ts';
import { resolvePlain } from '../model/plain-scalar.ts';
import { endOf, placeOf } from './events.ts';
import { parseIndulgently } from './indentation.ts';
import { keyText, resolveTagged } from './scalar.ts';

/** `exact` is false where only a part of the path was found: `offset` is then of the deepest part that was. */
export interface FoundPlace {
  offset: number;
  exact: boolean;
}

/**
 * Finds fields in a document's text by reading it again, so that nothing has to be kept for the thousands of
 * documents of which nobody asks. Fields have the place of their key, list items that of their first character.
 * Follows aliases and merges.
 */
export class DocumentPlaces {
  private readonly walker: Walker | undefined;

  constructor(text: string) {
    try {
      this.walker = new Walker(text);
    } catch {
      // What cannot be read has no places.
    }
  }

  /** Offset in the text; undefined where not even the path's first step is there. */
  find(path: Path): FoundPlace | undefined {
    const { walker } = this;
    let node = walker?.root();
    if (walker === undefined || node === undefined) return undefined;
    let offset = path.length === 0 ? walker.offset(node) : undefined;
    for (const step of path) {
      const found = walker.step(node, step);
      if (!found) return offset === undefined ? undefined : { offset, exact: false };
      offset = walker.offset(found.place);
      node = found.node;
    }
    return offset === undefined ? undefined : { offset, exact: true };
  }
}

/** Goes from node to node in a document's events; nodes are indices of events. */
class Walker {
  private readonly source: string;
  private readonly events: Event[];
  private readonly original: (offset: number) => number;
  private readonly items = new Map<number, number[]>();

  constructor(text: string) {
    const parsed = parseIndulgently(text);
    this.source = parsed.source;
    this.events = parsed.events;
    this.original = parsed.original;
  }

  root(): number | undefined {
    return this.events.length > 1 ? 1 : undefined;
  }

  offset(node: number): number {
    for (let at = node; at < this.events.length; at += 1) {
      const place = placeOf(this.events[at]!);
      if (place >= 0) return this.original(place);
    }
    return 0;
  }

  step(from: number, step: PathStep): { node: number; place: number } | undefined {
    const node = this.target(from);
    const event = this.events[node];
    if (event?.type === EVENT_ID.MAPPING && typeof step === 'string') return this.field(node, step);
    if (event?.type === EVENT_ID.MAPPING && typeof step === 'number') return this.field(node, String(step));
    if (event?.type !== EVENT_ID.SEQUENCE) return undefined;
    const items = this.itemsOf(node);
    const item =
      typeof step === 'number'
        ? items[step]
        : items.find((candidate, index) => this.isItem(candidate, index, step));
    return item === undefined ? undefined : { node: item, place: item };
  }

  private itemsOf(sequence: number): number[] {
    let items = this.items.get(sequence);
    if (items) return items;
    items = [];
    for (let item = sequence + 1; this.events[item]!.type !== EVENT_ID.POP; item = endOf(this.events, item))
      items.push(item);
    this.items.set(sequence, items);
    return items;
  }

  private isItem(item: number, index: number, step: Exclude<PathStep, number>): boolean {
    if (typeof step === 'string') return String(index) === step;
    if ('value' in step) return this.value(item) === step.value;
    return Object.entries(step.keys).every(([key, value]) => {
      const field = this.step(item, key);
      // Keys that the server fills in are in no manifest.
      return field === undefined ? key === 'protocol' && value === 'TCP' : this.value(field.node) === value;
    });
  }

  private field(mapping: number, name: string): { node: number; place: number } | undefined {
    let merged: { node: number; place: number } | undefined;
    for (let key = mapping + 1; this.events[key]!.type !== EVENT_ID.POP; ) {
      const value = endOf(this.events, key);
      const text = this.keyOf(key);
      if (text === name) return { node: value, place: key };
      if (text === '<<') merged = this.merged(value, name) ?? merged;
      key = endOf(this.events, value);
    }
    return merged;
  }

  private merged(value: number, name: string): { node: number; place: number } | undefined {
    const node = this.target(value);
    if (this.events[node]?.type === EVENT_ID.MAPPING) return this.field(node, name);
    if (this.events[node]?.type !== EVENT_ID.SEQUENCE) return undefined;
    for (const item of this.itemsOf(node)) {
      const target = this.target(item);
      const found = this.events[target]?.type === EVENT_ID.MAPPING ? this.field(target, name) : undefined;
      if (found) return found;
    }
    return undefined;
  }

  /** What an alias stands for: the last anchor of its name before it. */
  private target(node: number): number {
    const alias = this.events[node];
    if (alias?.type !== EVENT_ID.ALIAS) return node;
    const name = this.source.slice(alias.anchorStart, alias.anchorEnd);
    for (let at = node - 1; at > 0; at -= 1) {
      const event = this.events[at]!;
      if (event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP || event.type === EVENT_ID.ALIAS)
        continue;
      if (event.anchorStart >= 0 && this.source.slice(event.anchorStart, event.anchorEnd) === name) return at;
    }
    return node;
  }

  private keyOf(node: number): string | undefined {
    const event = this.events[this.target(node)];
    if (event?.type !== EVENT_ID.SCALAR) return undefined;
    const value = this.scalar(event);
    return keyText(value, this.text(event));
  }

  private value(node: number): Json | undefined {
    const event = this.events[this.target(node)];
    return event?.type === EVENT_ID.SCALAR ? this.scalar(event) : undefined;
  }

  private scalar(event: ScalarEvent): Json {
    const text = this.text(event);
    if (event.tagStart < 0) return event.style === SCALAR_STYLE.PLAIN ? resolvePlain(text) : text;
    const tag = this.source.slice(event.tagStart, event.tagEnd);
    const resolved = resolveTagged(tag.replace(/^!!/, 'tag:yaml.org,2002:'), text);
    return 'value' in resolved ? resolved.value : null;
  }

  private text(event: ScalarEvent): string {
    return event.valueStart < 0 ? '' : getScalarValue(this.source, event);
  }
}
