import { isScalar, isSeq, type Node } from 'yaml';
import type { Json, JsonObject } from '../model/json.ts';
import { nearNames } from '../model/near-names.ts';
import { type ConfigDocument, offsetOf } from './document.ts';
import { formatDuration, MAX_TIMER_MS, parseDuration } from './duration.ts';
import { booleanOf, isNull, kindOf, nameOf } from './scalar.ts';

/** What is wrong with a text: `message` continues a sentence that begins with the field's name. */
export interface TextFault {
  message: string;
  hint?: string;
}

/**
 * What a field may hold: from it come the reading of it, the sentences about what is wrong, the JSON Schema for
 * editors and the words of the documentation.
 */
export interface Type<T> {
  /** `text`, `list of maps`: what the documentation says. */
  words: string;
  schema: JsonObject;
  /** Reports what is wrong at its place, and then returns undefined. `name` is for the sentences. */
  read(node: Node, name: string, document: ConfigDocument): T | undefined;
  /** As it is written in a file; undefined where it is left out. */
  write(value: T): Json | undefined;
  /** What a map holds, or the items of a list. */
  fields?: Fields;
}

/** One field of a map. The documentation and the JSON Schema say `doc`, which is Markdown. */
export interface Field<T> {
  type: Type<T>;
  doc: string;
  /** The release of GitLab that had it first; absent for what is new here. */
  since?: string;
  /** The release that removed it, where that was before 17.0. */
  until?: string;
  /** YAML, one line. */
  example?: string;
  required?: boolean;
}

export interface DefaultField<T> extends Field<T> {
  default: T;
}

export interface RequiredField<T> extends Field<T> {
  required: true;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

interface TextOptions {
  words?: string;
  schema?: JsonObject;
  /** Whole numbers without quotes are taken for what they look like. */
  numbers?: boolean;
  /** What "" is: a text like others, or no value at all as in GitLab's files. A mistake where not said. */
  empty?: 'text' | 'absent';
  check?: (text: string) => TextFault | undefined;
}

export function text(options: TextOptions = {}): Type<string> {
  return {
    words: options.words ?? 'text',
    schema: {
      type: options.numbers ? ['string', 'integer'] : 'string',
      ...(!options.numbers && !options.empty && { minLength: 1 }),
      ...options.schema,
    },
    read: (node, name, document) => {
      const found = readText(node, name, document, options.numbers ?? false);
      if (found === undefined || (found === '' && options.empty === 'absent')) return undefined;
      const fault = found === '' && !options.empty ? { message: 'is empty' } : options.check?.(found);
      if (!fault) return found;
      document.report(node, `${name} ${fault.message}`, fault.hint);
      return undefined;
    },
    write: (value) => value,
  };
}

function readText(node: Node, name: string, document: ConfigDocument, numbers: boolean): string | undefined {
  if (!isScalar(node)) {
    document.report(node, `${name} is text, not ${nameOf(node)}`);
    return undefined;
  }
  const value = String(node.value);
  const kind = kindOf(node);
  if (kind === 'text' || (kind === 'number' && numbers && /^\d+$/.test(value))) return value;
  const message = `${name} is text, and ${value} without quotes is a ${kind}`;
  document.report(node, message, `write ${JSON.stringify(value)}`);
  return undefined;
}

export const FLAG: Type<boolean> = {
  words: '`true` or `false`',
  schema: { type: 'boolean' },
  read: (node, name, document) => {
    const value = booleanOf(node);
    if (value === undefined) {
      const hint =
        isScalar(node) && /^(true|false)$/i.test(String(node.value)) ? 'remove the quotes' : undefined;
      document.report(node, `${name} is true or false, not ${nameOf(node)}`, hint);
    }
    return value;
  },
  write: (value) => value,
};

export function choice<const C extends string>(choices: readonly C[]): Type<C> {
  return {
    words: choices.map((name) => `\`${name}\``).join(', '),
    schema: { enum: [...choices] },
    read: (node, name, document) => {
      const value = isScalar(node) ? choices.find((candidate) => candidate === node.value) : undefined;
      if (value === undefined)
        document.report(node, `${name} can't be ${nameOf(node)}`, `it is one of ${choices.join(', ')}`);
      return value;
    },
    write: (value) => value,
  };
}

interface DurationOptions {
  /** In ms. */
  least?: number;
}

/** In milliseconds. */
export function duration({ least = 0 }: DurationOptions = {}): Type<number> {
  return {
    words: 'duration',
    schema: { type: 'string', pattern: '^([0-9]+(\\.[0-9]+)?(h|m|s|ms))+$' },
    read: (node, name, document) => {
      const value = isScalar(node) && kindOf(node) === 'text' ? parseDuration(String(node.value)) : undefined;
      if (value === undefined) {
        const number = isScalar(node) && /^\d+$/.test(String(node.value));
        const hint = number ? `with a unit: ${node.value}s` : 'write 3600s, 90m or 1h30m';
        document.report(node, `${name} is a duration, not ${nameOf(node)}`, hint);
      } else if (value < least) {
        document.report(node, `${name} is shorter than ${formatDuration(least)}`);
        return undefined;
      }
      return value;
    },
    write: formatDuration,
  };
}

/** In milliseconds; null for `0s`, and for what no timer can wait for. */
export const DEADLINE: Type<number | null> = {
  ...duration(),
  words: 'duration; `0s` is no deadline',
  read: (node, name, document) => {
    const value = duration().read(node, name, document);
    return value === 0 || (value ?? 0) > MAX_TIMER_MS ? null : value;
  },
  write: (value) => formatDuration(value ?? 0),
};

interface ListOptions {
  max?: number;
  min?: number;
  /** Items are told apart by how they are written. */
  unique?: boolean;
}

export interface Item<T> {
  value: T;
  /** Offset in the text. */
  at: number;
}

export function list<T>(item: Type<T>, { max, min, unique }: ListOptions = {}): Type<Item<T>[]> {
  return {
    words: `list of ${item.words === 'map' ? 'maps' : item.words}`,
    schema: {
      type: 'array',
      items: item.schema,
      ...(max !== undefined && { maxItems: max }),
      ...(min !== undefined && { minItems: min }),
      ...(unique && { uniqueItems: true }),
    },
    ...(item.fields && { fields: item.fields }),
    read: (node, name, document) => {
      if (!isSeq(node)) {
        document.report(node, `${name} is a list, not ${nameOf(node)}`);
        return undefined;
      }
      if (max !== undefined && node.items.length > max)
        document.report(node, `${name} has ${node.items.length} items, and ${max} are allowed`);
      if (min !== undefined && node.items.length < min) document.report(node, `${name} is empty`);
      const first = new Map<string, number>();
      return node.items.flatMap((raw, index): Item<T>[] => {
        const own = document.resolve(raw as Node);
        const at = offsetOf(raw as Node);
        if (isNull(own)) {
          document.report(at, `${name}[${index}] is empty`);
          return [];
        }
        const value = item.read(own, `${name}[${index}]`, document);
        if (value === undefined) return [];
        const key = unique ? JSON.stringify(item.write(value)) : String(index);
        const other = first.get(key);
        if (other === undefined) first.set(key, index);
        else document.report(at, `${name}[${index}] is the same as ${name}[${other}]`, 'remove one');
        return [{ value, at }];
      });
    },
    write: (items) => items.map(({ value }) => item.write(value) ?? null),
  };
}

/** Something of GitLab's own agent: accepted, and not looked at. */
export const FOREIGN: Type<true> = {
  words: 'anything',
  schema: {},
  read: () => true,
  write: () => undefined,
};

/** Something that was there once and can't be had. */
export function refused(message: string, hint: string): Type<never> {
  return {
    words: 'not supported',
    schema: { not: {} },
    read: (node, name, document) => {
      document.report(node, `${name} ${message}`, hint);
      return undefined;
    },
    write: () => undefined,
  };
}

/** A hint for a name that is none of `names`: the nearest, or all of them where they are few. */
export function suggest(wanted: string, names: readonly string[]): string | undefined {
  if (names.length === 1) return `there is only ${names[0]}`;
  const [nearest] = nearNames(wanted, names);
  if (nearest !== undefined && names.length > 3) return `did you mean ${nearest}?`;
  return names.length > 0 && names.length <= 12 ? `it is one of ${names.join(', ')}` : undefined;
}
