import { type Json, type JsonObject, setOwn } from '../model/json.ts';
import { floatValue, integerValue } from '../model/plain-scalar.ts';
import { type Fault, FaultError, MAX_DEPTH } from './fault.ts';

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const SPACE = /[ \t\r\n]*/y;
const WORDS: [string, Json][] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/**
 * Reads JSON values one after another out of a text, as Go's decoder does, with exact integers and with what
 * `JSON.parse` does not tell: where a value ends, where a key is given twice.
 */
export class JsonReader {
  /** Duplicate keys and numbers without a value: reading goes on after them. */
  faults: Fault[] = [];
  /** Where each item of the value's own `items` begins. */
  items = new Map<JsonObject, number>();
  at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Goes to the next value; false at the end of the text. */
  skipSpace(): boolean {
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
    return this.at < this.text.length;
  }

  /** The value at `at`, which then is behind it. Throws FaultError where the text is not JSON. */
  read(): Json {
    this.faults = [];
    this.items = new Map();
    return this.value(0, true);
  }

  private value(depth: number, inList: boolean): Json {
    this.skipSpace();
    const character = this.text[this.at];
    if (character === '"') return this.string();
    if (character === '{' || character === '[') {
      if (depth >= MAX_DEPTH)
        throw this.fault(`the document is nested deeper than ${MAX_DEPTH} levels`, 'TooDeep');
      return character === '{' ? this.object(depth, inList) : this.array(depth, inList);
    }
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  private object(depth: number, inList: boolean): JsonObject {
    const object: JsonObject = {};
    const keys: number[] = [];
    this.at += 1;
    this.skipSpace();
    if (this.text[this.at] === '}') {
      this.at += 1;
      return object;
    }
    for (;;) {
      this.skipSpace();
      if (this.text[this.at] !== '"') throw this.fault('a key in double quotes is expected here');
      const place = this.at;
      const key = this.string();
      if (Object.hasOwn(object, key)) this.reportDuplicate(key, place, keys);
      keys.push(place);
      this.skipSpace();
      if (this.text[this.at] !== ':') throw this.fault('a ":" is expected after the key');
      this.at += 1;
      setOwn(object, key, this.value(depth + 1, inList && key === 'items'));
      this.skipSpace();
      const next = this.text[this.at];
      if (next !== ',' && next !== '}') throw this.fault('a "," or "}" is expected here');
      this.at += 1;
      if (next === '}') return object;
    }
  }

  private array(depth: number, inList: boolean): Json[] {
    const items: Json[] = [];
    this.at += 1;
    this.skipSpace();
    if (this.text[this.at] === ']') {
      this.at += 1;
      return items;
    }
    for (;;) {
      this.skipSpace();
      const place = this.at;
      const item = this.value(depth + 1, inList);
      if (inList && typeof item === 'object' && item !== null && !Array.isArray(item))
        this.items.set(item, place);
      items.push(item);
      this.skipSpace();
      const next = this.text[this.at];
      if (next !== ',' && next !== ']') throw this.fault('a "," or "]" is expected here');
      this.at += 1;
      if (next === ']') return items;
    }
  }

  private string(): string {
    const start = this.at;
    let end = start;
    for (;;) {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) throw this.fault('this string has no end');
      let backslashes = 0;
      while (this.text[end - 1 - backslashes] === '\\') backslashes += 1;
      if (backslashes % 2 === 0) break;
    }
    this.at = end + 1;
    const raw = this.text.slice(start, end + 1);
    if (!/[\\\x00-\x1f]/.test(raw)) return raw.slice(1, -1);
    try {
      return (JSON.parse(raw) as string).toWellFormed();
    } catch {
      this.at = start;
      throw this.fault('this string holds a line break, a control character or an unknown escape');
    }
  }

  private number(): Json {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (!match) throw this.fault('a JSON value is expected here');
    const place = this.at;
    this.at = NUMBER.lastIndex;
    const [text, fraction, exponent] = match;
    if (fraction === undefined && exponent === undefined && text.length <= 400)
      return integerValue(BigInt(text));
    const value = Number(text);
    if (Number.isFinite(value)) return floatValue(value);
    this.faults.push({ code: 'NotANumber', message: 'this number is too large', offset: place });
    return 0;
  }

  private reportDuplicate(key: string, place: number, keys: number[]): void {
    const back = this.at;
    let first = place;
    for (const candidate of keys) {
      this.at = candidate;
      if (this.string() === key) {
        first = candidate;
        break;
      }
    }
    this.at = back;
    const hint = 'kubectl would silently take the last one; keep the one that is meant';
    this.faults.push({
      code: 'DuplicateKey',
      message: `the key ${JSON.stringify(key)} is given twice`,
      offset: place,
      hint,
      other: first,
    });
  }

  private fault(message: string, code = 'Syntax'): FaultError {
    return new FaultError(code, message, this.at);
  }
}
