import { isMap } from 'yaml';
import { type Json, type JsonObject, setOwn } from '../model/json.ts';
import { offsetOf } from './document.ts';
import { entriesOf } from './entries.ts';
import { isNull, nameOf, quoted } from './scalar.ts';
import {
  type DefaultField,
  type Field,
  type Fields,
  type Item,
  type RequiredField,
  suggest,
  type Type,
} from './types.ts';

/**
 * The fields that a map has, each with its offset. Those with a default are always there, at the map's offset, and
 * without a required one there is no value at all.
 */
export type Values<F extends Fields> = {
  -readonly [K in keyof F]: F[K] extends DefaultField<infer T> | RequiredField<infer T>
    ? Item<T>
    : F[K] extends Field<infer T>
      ? Item<T> | undefined
      : never;
};

interface MapType<F extends Fields> extends Type<Values<F>> {
  /** What a map says that has no keys. */
  empty: Values<F>;
}

/** A map that has these keys and no others. A key without a value is the same as no key. */
export function map<const F extends Fields>(fields: F): MapType<F> {
  const names = Object.keys(fields);
  const defaults = (at: number): Record<string, Item<unknown> | undefined> => {
    const values: Record<string, Item<unknown> | undefined> = {};
    for (const [field, definition] of Object.entries(fields))
      if ('default' in definition) values[field] = { value: definition.default, at };
    return values;
  };
  return {
    empty: defaults(0) as Values<F>,
    words: 'map',
    schema: schemaOf(fields),
    fields,
    read: (node, name, document) => {
      if (!isMap(node)) {
        document.report(node, `${name} is a map, not ${nameOf(node)}`);
        return undefined;
      }
      const values = defaults(offsetOf(node));
      const seen = new Map<string, string>();
      const given = new Set<string>();
      for (const [key, entry] of entriesOf(node, document)) {
        const field = names.find((candidate) => candidate === key || camelCase(candidate) === key);
        if (field === undefined) {
          document.report(entry.key, `unknown key ${quoted(key)}`, suggest(key, names));
          continue;
        }
        const other = seen.get(field);
        if (other !== undefined)
          document.report(entry.key, `${key} is the same key as ${other}`, 'remove one');
        seen.set(field, key);
        const own = document.resolve(entry.value);
        if (isNull(own)) continue;
        given.add(field);
        const value = fields[field]!.type.read(own, key, document);
        if (value !== undefined) values[field] = { value, at: offsetOf(entry.value) };
      }
      const required = names.filter((field) => fields[field]!.required);
      for (const field of required) if (!given.has(field)) document.report(node, `${name} has no ${field}`);
      if (required.some((field) => values[field] === undefined)) return undefined;
      return values as Values<F>;
    },
    write: (values) => {
      const written: JsonObject = {};
      for (const field of names) {
        const item = values[field];
        const json = item && fields[field]!.type.write(item.value);
        if (json !== undefined) setOwn(written, field, json);
      }
      return written;
    },
  };
}

/** The same type with a check of the whole value, which reports what is wrong and then returns undefined. */
export function refine<T, U>(type: Type<T>, refinement: Refinement<T, U>): Type<U> {
  return {
    ...type,
    schema: { ...type.schema, ...refinement.schema },
    read: (node, name, document) => {
      const before = document.problems.length;
      const value = type.read(node, name, document);
      if (value === undefined || document.problems.length > before) return undefined;
      return refinement.read(
        value,
        (message, hint, at = offsetOf(node)) => {
          document.report(at, message, hint);
          return undefined;
        },
        name,
      );
    },
    write: (value) => type.write(refinement.write(value)),
  };
}

interface Refinement<T, U> {
  schema?: JsonObject;
  read(
    value: T,
    report: (message: string, hint?: string, at?: number) => undefined,
    name: string,
  ): U | undefined;
  write(value: U): T;
}

/** GitLab's agent read both ways to write a key (protojson). */
export function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_dash, letter: string) => letter.toUpperCase());
}

/** The default as it would be written; undefined where there is none, and for maps, whose fields have their own. */
export function presetOf(field: Field<unknown>): Json | undefined {
  if (!('default' in field) || field.type.words === 'map') return undefined;
  return field.type.write(field.default);
}

function schemaOf(fields: Fields): JsonObject {
  const properties: JsonObject = {};
  for (const [name, field] of Object.entries(fields)) {
    const preset = presetOf(field);
    properties[name] = {
      description: plainText(field.doc),
      ...nullable(field.type.schema),
      ...(preset !== undefined && { default: preset }),
    };
  }
  const required = Object.keys(fields).filter((name) => fields[name]!.required);
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 && { required }),
    properties,
  };
}

/** A key without a value is the same as no key. */
function nullable(schema: JsonObject): JsonObject {
  if (typeof schema.type === 'string') return { ...schema, type: [schema.type, 'null'] };
  if (Array.isArray(schema.type)) return { ...schema, type: [...schema.type, 'null'] };
  if (Array.isArray(schema.enum)) return { ...schema, enum: [...schema.enum, null] };
  return schema;
}

function plainText(markdown: string): string {
  return markdown.replaceAll('`', '');
}
