import type { Json } from '../model/json.ts';

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
const INT64_MAX = 2n ** 63n - 1n;
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

/** A map key as sigs.k8s.io/yaml writes it, from what a plain scalar resolved to; undefined where it refuses. */
export function keyText(value: Json, text: string): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (value === null) return undefined;
  if (Number.isNaN(value)) return '.nan';
  if (value === Number.POSITIVE_INFINITY) return '.inf';
  if (value === Number.NEGATIVE_INFINITY) return '-.inf';
  const integer = parseInteger(text.replaceAll('_', ''));
  if (integer !== undefined) return integer > INT64_MAX ? undefined : String(integer);
  // Go prints float keys with float32's precision and with exponents from 1e6: simple ones only.
  const key = String(value);
  const simple =
    typeof value === 'number' &&
    ((value === 0 && !text.startsWith('-')) || Math.abs(value) >= 1e-4) &&
    Math.abs(value) < 1e6;
  return simple && key.replace(/^-?0*\.?0*|\./g, '').length <= 6 ? key : undefined;
}

const TIMESTAMP =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?(?:Z|[-+]\d\d:\d\d))| (\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?)?$/;

/**
 * The value of a scalar with a tag (in its long form), or the sentence that says why it has none. Strings and tags
 * that goyaml does not know stay the text they are.
 */
export function resolveTagged(tag: string, text: string): { value: Json } | { fault: string } {
  switch (tag) {
    case 'tag:yaml.org,2002:null':
      return WORDS.get(text) === null ? { value: null } : mismatch('null');
    case 'tag:yaml.org,2002:bool': {
      const value = resolvePlain(text);
      return typeof value === 'boolean' ? { value } : mismatch('bool');
    }
    case 'tag:yaml.org,2002:int': {
      const value = resolvePlain(text);
      const isInteger =
        (typeof value === 'number' || typeof value === 'bigint') &&
        parseInteger(text.replaceAll('_', '')) !== undefined;
      return isInteger ? { value } : mismatch('int');
    }
    case 'tag:yaml.org,2002:float': {
      const value = resolvePlain(text);
      if ((parseInteger(text.replaceAll('_', '')) ?? 0n) > INT64_MAX) return mismatch('float');
      if (typeof value === 'bigint') return { value: floatValue(Number(value)) };
      return typeof value === 'number' ? { value } : mismatch('float');
    }
    case 'tag:yaml.org,2002:timestamp':
      return isTimestamp(text) ? { value: text } : mismatch('timestamp');
    case 'tag:yaml.org,2002:binary':
      return decodeBinary(text);
    default:
      return { value: text };
  }
}

function mismatch(type: string): { fault: string } {
  return { fault: `this value is not what its tag !!${type} says` };
}

function isTimestamp(text: string): boolean {
  const match = TIMESTAMP.exec(text);
  if (!match) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  date.setUTCFullYear(year);
  const [hour, minute, second] = [match[4] ?? match[7], match[5] ?? match[8], match[6] ?? match[9]].map(
    (part) => Number(part ?? 0),
  );
  return (
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    hour! < 24 &&
    minute! < 60 &&
    second! < 60
  );
}

function decodeBinary(text: string): { value: Json } | { fault: string } {
  const compact = text.replace(/[\r\n]/g, '');
  const bytes = Buffer.from(compact, 'base64');
  // Go's StdEncoding takes neither missing padding nor the URL alphabet.
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact))
    return { fault: 'this !!binary value is not base64' };
  const value = bytes.toString('utf8');
  if (!Buffer.from(value, 'utf8').equals(bytes)) {
    return { fault: 'this !!binary value is not text: kubectl would replace its bytes' };
  }
  return { value };
}

/**
 * What kubectl's YAML 1.1 refuses in a double-quoted string (its source, without the quotes) or reads differently
 * from 1.2: halves of surrogate pairs, `\\/`, and an escaped line break before an empty line.
 */
export function escapeFault(source: string): { at: number; message: string; hint?: string } | undefined {
  for (let at = source.indexOf('\\'); at >= 0; at = source.indexOf('\\', at + 2)) {
    const start = source.slice(at, at + 10);
    if (start[1] === '/') return { at, message: 'YAML has no escape "\\/"', hint: 'write "/" alone' };
    const digits = /^\\(?:u(.{4})|U(.{8}))/.exec(start);
    const code = digits ? Number.parseInt(digits[1] ?? digits[2]!, 16) : 0;
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      return {
        at,
        message: 'this escape is no character',
        hint: 'write characters beyond U+FFFF as they are, or as \\U and 8 digits',
      };
    }
    if (/^\\\r?\n[ \t]*\r?\n/.test(source.slice(at, at + 4096))) {
      return {
        at,
        message: 'an escaped line break before an empty line is read in different ways',
        hint: 'write \\n for line breaks',
      };
    }
  }
  return undefined;
}
