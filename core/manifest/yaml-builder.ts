import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE, type ScalarEvent } from 'js-yaml';
import { isObject, type Json, type JsonObject, setOwn } from '../model/json.ts';
import { resolvePlain } from '../model/plain-scalar.ts';
import { allowedAliasRatio, copy, tooDeep } from './alias.ts';
import { endOf, placeOf } from './events.ts';
import { type Fault, FaultError, MAX_DEPTH } from './fault.ts';
import { escapeFault, keyText, resolveTagged } from './scalar.ts';

const MAX_FAULTS = 20;
const MERGE_TAG = 'tag:yaml.org,2002:merge';

/** What an anchor stands for. `size` counts its nodes with aliases expanded, keys included. */
interface Anchored {
  value: Json;
  size: number;
  type: number;
}

/** The anchor of a collection that is still being read. */
interface Unfinished {
  start: number;
}

/**
 * One document's events as a value, by goyaml.v2's rules (`decode.go`). Aliases become copies: a change in one
 * place never shows in another. What is wrong is collected in `faults`; the value is then not to be used.
 */
export class YamlBuilder {
  readonly faults: Fault[] = [];
  /** Where each item of the document's own `items` begins (and of lists in them). */
  readonly items = new Map<JsonObject, number>();
  private readonly source: string;
  private readonly events: Event[];
  private at: number;
  private readonly anchors = new Map<string, Anchored | Unfinished>();
  private decoded = 0;
  private aliased = 0;

  /** `first` is the index of the document's first event after the document event itself. */
  constructor(source: string, events: Event[], first: number) {
    this.source = source;
    this.events = events;
    this.at = first;
  }

  /** Throws FaultError for what ends the reading of a document: unknown or recursive anchors, alias bombs. */
  build(): Json {
    this.decoded += 1;
    return this.node(0, true);
  }

  private node(depth: number, inList: boolean): Json {
    const event = this.events[this.at]!;
    if (event.type === EVENT_ID.ALIAS) {
      this.at += 1;
      const anchored = this.alias(event, depth);
      return copy(anchored.value, depth, event.anchorStart);
    }
    this.decoded += 1;
    if (event.type === EVENT_ID.SCALAR) {
      this.at += 1;
      const value = this.scalar(event);
      if (typeof value === 'number' && !Number.isFinite(value)) {
        this.report('NotANumber', 'infinity and NaN have no place in a Kubernetes object', placeOf(event));
      }
      if (event.anchorStart >= 0)
        this.anchors.set(this.anchorName(event), { value, size: 1, type: event.type });
      return value;
    }
    if (event.type !== EVENT_ID.MAPPING && event.type !== EVENT_ID.SEQUENCE)
      throw new Error('unexpected YAML event');
    if (depth >= MAX_DEPTH) throw tooDeep(event.start);
    const before = this.decoded;
    const unfinished: Unfinished = { start: event.start };
    if (event.anchorStart >= 0) this.anchors.set(this.anchorName(event), unfinished);
    const value =
      event.type === EVENT_ID.MAPPING ? this.mapping(depth, inList) : this.sequence(depth, inList);
    // An anchor of the same name inside this collection begins later: that one counts from here on.
    if (event.anchorStart >= 0 && this.anchors.get(this.anchorName(event)) === unfinished) {
      this.anchors.set(this.anchorName(event), { value, size: this.decoded - before + 1, type: event.type });
    }
    return value;
  }

  private sequence(depth: number, inList: boolean): Json[] {
    const items: Json[] = [];
    this.at += 1;
    while (this.events[this.at]!.type !== EVENT_ID.POP) {
      const offset = inList ? placeOf(this.events[this.at]!) : 0;
      const item = this.node(depth + 1, inList);
      if (inList && isObject(item)) this.items.set(item, offset);
      items.push(item);
    }
    this.at += 1;
    return items;
  }

  private mapping(depth: number, inList: boolean): JsonObject {
    const start = this.at;
    const object: JsonObject = {};
    // Keys that only merges have set: an explicit key may come after them.
    let merged: Set<string> | undefined;
    this.at += 1;
    for (;;) {
      const event = this.events[this.at]!;
      if (event.type === EVENT_ID.POP) break;
      if (event.type === EVENT_ID.SCALAR && this.isMerge(event)) {
        this.at += 1;
        merged ??= new Set();
        this.merge(object, merged, depth, placeOf(event));
        continue;
      }
      const key = this.key(event, depth);
      if (key === undefined) {
        this.node(depth + 1, false);
        continue;
      }
      if (Object.hasOwn(object, key) && !merged?.delete(key))
        this.reportDuplicate(start, key, placeOf(event));
      setOwn(object, key, this.node(depth + 1, inList && key === 'items'));
    }
    this.at += 1;
    return object;
  }

  /** The text of a map key; undefined, and reported, for keys that no JSON object can have. */
  private key(event: Event, depth: number): string | undefined {
    if (event.type === EVENT_ID.SCALAR) {
      this.at += 1;
      this.decoded += 1;
      const value = this.scalar(event);
      if (event.anchorStart >= 0)
        this.anchors.set(this.anchorName(event), { value, size: 1, type: event.type });
      if (typeof value === 'string') return value;
      const key = keyText(value, this.tag(event).endsWith(':float') ? '' : this.text(event));
      if (key === undefined)
        this.reportKey(value === null ? 'a key may not be null' : 'this number cannot be a key', event);
      return key;
    }
    if (event.type === EVENT_ID.ALIAS) {
      this.at += 1;
      const { value } = this.alias(event, depth);
      const key = typeof value === 'object' ? undefined : keyText(value, String(value));
      if (key === undefined) this.reportKey('this alias cannot be a key', event);
      return key;
    }
    this.reportKey(`a ${event.type === EVENT_ID.MAPPING ? 'map' : 'list'} cannot be a key`, event);
    this.node(depth + 1, false);
    return undefined;
  }

  /** `<<`: overrides explicit keys written before it; in a list of maps the earlier wins. */
  private merge(object: JsonObject, merged: Set<string>, depth: number, offset: number): void {
    const event = this.events[this.at]!;
    const sources: Json[] = [];
    if (event.type === EVENT_ID.SEQUENCE) {
      this.at += 1;
      while (this.events[this.at]!.type !== EVENT_ID.POP) sources.unshift(this.node(depth, false));
      this.at += 1;
    } else sources.push(this.node(depth, false));
    for (const source of sources) {
      if (!isObject(source)) {
        this.report('BadMerge', 'a merge (<<) needs a map or a list of maps', offset);
        continue;
      }
      for (const key of Object.keys(source)) {
        if (!Object.hasOwn(object, key)) merged.add(key);
        setOwn(object, key, source[key]!);
      }
    }
  }

  private isMerge(event: ScalarEvent): boolean {
    if (event.valueEnd - event.valueStart !== 2 || this.source.charCodeAt(event.valueStart) !== 60)
      return false;
    if (this.text(event) !== '<<') return false;
    const tag = this.tag(event);
    return tag === MERGE_TAG || tag === '!' || (tag === '' && event.style === SCALAR_STYLE.PLAIN);
  }

  private scalar(event: ScalarEvent): Json {
    const text = this.text(event);
    const tag = event.tagStart < 0 ? '' : this.tag(event);
    if (tag === '') return event.style === SCALAR_STYLE.PLAIN ? resolvePlain(text) : text;
    const resolved = resolveTagged(tag, text);
    if ('value' in resolved) return resolved.value;
    this.report(
      'BadTag',
      resolved.fault,
      placeOf(event),
      tag.endsWith('binary') ? 'use binaryData of a ConfigMap, or data of a Secret' : undefined,
    );
    return null;
  }

  private text(event: ScalarEvent): string {
    if (event.valueStart < 0) return '';
    if (event.fast) return this.source.slice(event.valueStart, event.valueEnd);
    if (event.style === SCALAR_STYLE.DOUBLE_QUOTED) {
      const fault = escapeFault(this.source.slice(event.valueStart, event.valueEnd));
      if (fault) this.report('BadEscape', fault.message, event.valueStart + fault.at, fault.hint);
    }
    return getScalarValue(this.source, event);
  }

  /** The tag in its long form; `!` stays, `!local` too. */
  private tag(event: ScalarEvent): string {
    if (event.tagStart < 0) return '';
    const raw = this.source.slice(event.tagStart, event.tagEnd);
    if (/[,[\]{}]/.test(this.source[event.tagEnd] ?? '')) {
      this.report('BadTag', 'a space is missing after this tag', event.tagStart);
    }
    if (raw.startsWith('!<')) return raw.slice(2, -1);
    return raw.startsWith('!!') ? `tag:yaml.org,2002:${raw.slice(2)}` : raw;
  }

  private alias(event: { anchorStart: number; anchorEnd: number }, depth: number): Anchored {
    const anchored = this.anchors.get(this.anchorName(event));
    const place = event.anchorStart - 1;
    if (anchored === undefined)
      throw new FaultError('UnknownAnchor', 'this alias has no anchor before it in its document', place);
    if ('start' in anchored)
      throw new FaultError('RecursiveAnchor', 'this alias stands inside what it stands for', place);
    // goyaml.v2 counts the alias itself and, while it expands, every node.
    this.decoded += 1 + anchored.size;
    this.aliased += anchored.size;
    if (
      this.aliased > 100 &&
      this.decoded > 1000 &&
      this.aliased / this.decoded > allowedAliasRatio(this.decoded)
    ) {
      throw new FaultError(
        'AliasBomb',
        'the aliases of this document stand for too much',
        place,
        'kubectl refuses it too: write fewer aliases of aliases',
      );
    }
    if (depth >= MAX_DEPTH) throw tooDeep(place);
    return anchored;
  }

  private anchorName(event: { anchorStart: number; anchorEnd: number }): string {
    const name = this.source.slice(event.anchorStart, event.anchorEnd);
    if (/^[\w-]+$/.test(name)) return name;
    throw new FaultError(
      'BadAnchor',
      'names of anchors and aliases are letters, digits, "_" and "-"',
      event.anchorStart - 1,
      'put a value that begins with "*" or "&" in quotes',
    );
  }

  private report(code: string, message: string, place: number, hint?: string, other?: number): void {
    let offset = place;
    if (this.faults.length >= MAX_FAULTS) return;
    // An empty node has no place: the next node's is near it.
    for (let next = this.at; offset < 0 && next < this.events.length; next += 1)
      offset = placeOf(this.events[next]!);
    this.faults.push({
      code,
      message,
      offset: Math.max(offset, 0),
      ...(hint ? { hint } : {}),
      ...(other === undefined ? {} : { other }),
    });
  }

  private reportKey(message: string, event: Event): void {
    this.report('BadKey', message, placeOf(event), 'put the key in quotes');
  }

  private reportDuplicate(mapping: number, key: string, offset: number): void {
    let index = mapping + 1;
    let first = offset;
    while (this.events[index]!.type !== EVENT_ID.POP) {
      const event = this.events[index]!;
      // Keys are compared as JSON has them: `1` and `"1"` are the same one.
      if (
        event.type === EVENT_ID.SCALAR &&
        !this.isMerge(event) &&
        keyText(this.scalar(event), this.text(event)) === key
      ) {
        first = placeOf(event);
        break;
      }
      index = endOf(this.events, endOf(this.events, index));
    }
    const hint = 'kubectl would silently take the last one; keep the one that is meant';
    this.report('DuplicateKey', `the key ${JSON.stringify(key)} is given twice`, offset, hint, first);
  }
}
