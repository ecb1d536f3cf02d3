import type { Json } from '../model/json.ts';
import { floatValue, INT64_MAX, parseInteger, resolvePlain } from '../model/plain-scalar.ts';

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
      return resolvePlain(text) === null ? { value: null } : mismatch('null');
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
