import type { Json, JsonObject } from '../../core/model/json.ts';

/** One value of a chart: values.yaml, values.schema.json and the table of the README are written from it. */
export interface Value {
  /** Markdown, a sentence or two. */
  doc: string;
  default: Json;
  schema: JsonObject;
}

/** Values under one name. */
export interface Group {
  doc: string;
  values: Values;
}

export interface Values {
  [name: string]: Value | Group;
}

export function text(doc: string, preset = '', schema: JsonObject = {}): Value {
  return { doc, default: preset, schema: { type: 'string', ...schema } };
}

export function flag(doc: string, preset: boolean): Value {
  return { doc, default: preset, schema: { type: 'boolean' } };
}

export function choice(doc: string, of: readonly [string, ...string[]]): Value {
  return { doc, default: of[0], schema: { enum: [...of] } };
}

export function count(doc: string, preset: number, least = 0): Value {
  return { doc, default: preset, schema: { type: 'integer', minimum: least } };
}

export function texts(doc: string): Value {
  return { doc, default: [], schema: { type: 'array', items: { type: 'string', minLength: 1 } } };
}

/** Text by text, such as labels. */
export function pairs(doc: string, preset: Record<string, string> = {}): Value {
  return { doc, default: preset, schema: { type: 'object', additionalProperties: { type: 'string' } } };
}

/** A part of a Kubernetes object, which the API server judges. */
export function object(doc: string, preset: JsonObject = {}): Value {
  return { doc, default: preset, schema: { type: 'object' } };
}

/** The same for a list of them. */
export function objects(doc: string): Value {
  return { doc, default: [], schema: { type: 'array', items: { type: 'object' } } };
}

export function group(doc: string, values: Values): Group {
  return { doc, values };
}
