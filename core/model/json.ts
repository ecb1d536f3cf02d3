/** A JSON value as Kubernetes stores it. Integers beyond 2^53 are `bigint`, all other numbers `number`. */
export type Json = null | boolean | number | bigint | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

// Only a run of 16 or more digits can be an integer that a double can't hold. The scan may also hit inside a
// string: that costs time, never exactness.
const MAYBE_UNSAFE_INTEGER = /[:[,\s]-?\d{16,}/;
const INTEGER = /^-?\d+$/;

/** Parses JSON text without rounding integers: those beyond 2^53 come back as `bigint`. Throws SyntaxError. */
export function parseJson(text: string): Json {
  if (!MAYBE_UNSAFE_INTEGER.test(text)) return JSON.parse(text) as Json;
  // `context.source` (the literal's own text) is in V8 since Node 21 but not yet in TypeScript's library.
  const reviver = (_key: string, value: unknown, context?: { source: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && context && INTEGER.test(context.source)
      ? BigInt(context.source)
      : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown) as Json;
}

/** As `parseJson`, for texts that anybody may have written: undefined where there is none, or where it is no JSON. */
export function tryParseJson(text: string | undefined): Json | undefined {
  if (text === undefined) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Writes JSON text; `bigint` values are written as the integers they are. `indent` is in spaces. */
export function stringifyJson(value: unknown, indent?: number): string {
  const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
  return JSON.stringify(
    value,
    (_key, item) => (typeof item === 'bigint' ? rawJson(String(item)) : item),
    indent,
  );
}

/** The same text for equal values, whatever the order of their map keys: what digests are made of. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return stringifyJson(value);
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key]!)}`);
  return `{${entries.join(',')}}`;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Structural equality; the order of map keys does not count, the order of list items does. */
export function deepEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => deepEqual(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && deepEqual(a[key], b[key]));
}

/** The value below map keys; undefined where one of them is not there. */
export function dig(value: Json | undefined, ...keys: string[]): Json | undefined {
  let node = value;
  for (const key of keys) node = isObject(node) && Object.hasOwn(node, key) ? node[key] : undefined;
  return node;
}

/** Sets a key as an ordinary own one, whatever its name is: `__proto__` is a valid key of a ConfigMap. */
export function setOwn(object: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else object[key] = value;
}
