import type { Json } from './json.ts';

/*
 * How kubectl reads a plain scalar: `resolve` of sigs.k8s.io/yaml/goyaml.v2, then JSON, then int64 or float64.
 */

const WORDS = new Map<string, Json>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map(
    (word) => [word, true] as const,
  ),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(
    (word) => [word, false] as const,
  ),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map(
    (word) => [word, Number.POSITIVE_INFINITY] as const,
  ),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, Number.NEGATIVE_INFINITY] as const),
]);

const WORD = 1;
const NUMBER = 2;
const DOT = 3;
// What the first character of a scalar allows; 0 for nearly all: a string without another look.
const HINT = new Uint8Array(128);
for (const character of 'yYnNtTfFoO~') HINT[character.charCodeAt(0)] = WORD;
for (const character of '0123456789+-') HINT[character.charCodeAt(0)] = NUMBER;
HINT['.'.charCodeAt(0)] = DOT;

const SMALL_INTEGER = /^-?[1-9]\d{0,14}$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const DOT_FLOAT = /^\.[0-9](_?[0-9])*([eE][-+]?[0-9](_?[0-9])*)?$/;
const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9][0-9]*|0)$/;

const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;

/**
 * The value of a plain, untagged scalar. Infinities and NaN come back as they are: they can be map keys, but not
 * values.
 */
export function resolvePlain(text: string): Json {
  if (text === '') return null;
  const hint = HINT[text.charCodeAt(0)];
  if (!hint) return text;
  if (hint === WORD) {
    if (text.length > 5) return text;
    const word = WORDS.get(text);
    return word === undefined ? text : word;
  }
  if (SMALL_INTEGER.test(text)) return Number(text);
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (hint === DOT) return DOT_FLOAT.test(text) ? floatOr(text.replaceAll('_', ''), text) : text;
  const plain = text.includes('_') ? text.replaceAll('_', '') : text;
  const integer = parseInteger(plain);
  if (integer !== undefined) return integerValue(integer);
  return FLOAT.test(plain) ? floatOr(plain, text) : text;
}

/** Go's `strconv.ParseInt(text, 0, 64)`, else `ParseUint`: undefined for what is no integer or beyond 64 bits. */
export function parseInteger(text: string): bigint | undefined {
  const match = INTEGER.exec(text);
  if (!match || text.length > 70) return undefined;
  const digits = match[2]!;
  // "017" is octal as "0o17" is.
  const octal = digits.length > 1 && digits[0] === '0' && digits[1]! <= '9';
  const size = BigInt(octal ? `0o${digits}` : digits.toLowerCase());
  const value = match[1] === '-' ? -size : size;
  if (value < INT64_MIN || value > (match[1] === '' ? UINT64_MAX : INT64_MAX)) return undefined;
  return value;
}

/** An integer as `Json` holds it; beyond int64 it is a float64, as Kubernetes' own decoder has it. */
export function integerValue(integer: bigint): Json {
  if (integer > INT64_MAX || integer < INT64_MIN) return floatValue(Number(integer));
  const value = Number(integer);
  return Number.isSafeInteger(value) ? value : integer;
}

/**
 * A float64 as `Json` holds it. Go writes whole numbers below 1e21 without an exponent, and the API server's
 * answers are read back as integers: so they are `bigint` here too, with the digits that Go writes.
 */
export function floatValue(value: number): Json {
  if (value === 0) return 0;
  if (Number.isSafeInteger(value) || !Number.isInteger(value) || Math.abs(value) >= 1e21) return value;
  return BigInt(String(value));
}

function floatOr(text: string, otherwise: string): Json {
  const value = Number(text);
  return Number.isFinite(value) ? floatValue(value) : otherwise;
}
