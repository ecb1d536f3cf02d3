import { isDeepStrictEqual } from 'node:util';
import { isCollection, isMap, isScalar, type Node, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { applyEdits, type Edit } from '../model/edit.ts';
import { isObject, type Json, type JsonObject } from '../model/json.ts';
import type { Problem } from '../model/problem.ts';
import { type ConfigContext, parseAgentConfig } from './agent-config.ts';
import { type EntrySelector, findEntry } from './set-ref.ts';
import { ownPair, Splicer, word } from './splice.ts';

/** A field by its keys, in an entry or in the file, and its value as YAML on one line; undefined removes the field. */
export interface Setting {
  entry?: EntrySelector;
  path: readonly [string, ...string[]];
  value: string | undefined;
}

/**
 * The text of a config.yaml with another value of one field. Comments, quotes, indentation and line ends stay as they
 * are. There is no text where the file is broken, before or after, and where the change would be another one too.
 */
export function setValue(
  text: string,
  { entry, path, value }: Setting,
  context: ConfigContext,
): { text: string } | { problems: Problem[] } {
  const refuse = (message: string, hint?: string): { problems: Problem[] } => ({
    problems: [{ code: 'Config', file: context.file, message, ...(hint && { hint }) }],
  });
  const mark = text.startsWith('\ufeff') ? '\ufeff' : '';
  const source = text.slice(mark.length);
  const before = parseAgentConfig(Buffer.from(source), context);
  if (!before.config) return { problems: before.problems };
  const found = entry && findEntry(before.config, entry);
  if (typeof found === 'string') return refuse(found);
  if (value !== undefined && !isOneValue(value))
    return refuse(
      `${JSON.stringify(value)} is no value on one line`,
      'write it as YAML: true, 1h, [a, b], "text"',
    );
  const base = found === undefined ? [] : ['gitops', 'manifest_projects', found];
  const edits = new ValueEditor(source, context.file).edits(base, path, value);
  const name = path.join('.');
  if (typeof edits === 'string') return refuse(`${name} can't be changed: ${edits}`, 'change it by hand');
  const edited = applyEdits(source, edits);
  const after = parseAgentConfig(Buffer.from(edited), context);
  if (!after.config) {
    const [{ message, hint } = { message: 'the file would be broken' }] = after.problems;
    return refuse(`${name} can't be ${value ?? 'removed'}: ${message}`, hint);
  }
  const rest = ({ effective }: typeof before): Json => without(effective!, [...base, ...path]);
  if (isDeepStrictEqual(rest(before), rest(after))) return { text: mark + edited };
  const is = 'other fields would change with it, as the file is written';
  return refuse(`${name} can't be changed alone: ${is}`, 'change it by hand');
}

/** A scalar or a flow collection, without a comment that would hide the rest of the line. */
function isOneValue(value: string): boolean {
  if (value.trim() === '' || /[\r\n]/.test(value)) return false;
  const { errors, contents, comment } = parseDocument(value, { schema: 'failsafe' });
  const isFlow = !isCollection(contents) || contents.flow === true;
  return errors.length === 0 && isFlow && !comment && !contents?.comment;
}

class ValueEditor extends Splicer {
  /** The changes, or why there are none. */
  edits(
    base: readonly (string | number)[],
    path: readonly string[],
    value: string | undefined,
  ): Edit[] | string {
    // As deep as the file goes: what is missing below is added to that.
    for (let depth = path.length; depth > 0; depth -= 1) {
      const map = this.find([...base, ...path.slice(0, depth - 1)]);
      if (!isMap(map)) continue;
      const pair = ownPair(map, path[depth - 1]!);
      const rest = path.slice(depth);
      if (!pair) return value === undefined ? [] : [this.added(map, path.slice(depth - 1), value)];
      if (value === undefined) return rest.length > 0 ? [] : this.removed(map, pair);
      return this.replaced(pair, rest.length > 0 ? nestedFlow(rest, value) : value);
    }
    return value === undefined ? [] : 'there is nothing to add it to';
  }

  private added(map: YAMLMap, keys: readonly string[], value: string): Edit {
    return this.addPair(map, /^(id|url|name)$/, {
      block: (quotes) =>
        keys.map((key, index) => {
          const end = index === keys.length - 1 ? ` ${value}` : '';
          return `${'  '.repeat(index)}${word(key, quotes)}:${end}`;
        }),
      flow: (quotes) => `${word(keys[0]!, quotes)}: ${nestedFlow(keys.slice(1), value)}`,
    });
  }

  private replaced(pair: Pair, value: string): Edit[] | string {
    const colon = this.source.indexOf(':', (pair.key as Node).range![1]) + 1;
    const node = pair.value as Node | null;
    const [from, end] = node?.range ?? [colon, colon];
    if (from === end) return [{ from: colon, to: colon, text: ` ${value}` }];
    const isBlock = isCollection(node) ? !node.flow : isScalar(node) && /^BLOCK/.test(node.type ?? '');
    if (!isBlock) return [{ from, to: end, text: value }];
    const old = this.source.slice(colon, end).trimEnd();
    if (/(^|\s)#/.test(old)) return 'its value has comments of its own, which would be lost';
    return [{ from: colon, to: colon + old.length, text: ` ${value}` }];
  }

  private removed(map: YAMLMap, pair: Pair): Edit[] | string {
    const [start] = (pair.key as Node).range!;
    const lineStart = this.source.lastIndexOf('\n', start - 1) + 1;
    if (map.flow || map.items.length === 1 || this.source.slice(lineStart, start).trim() !== '')
      return 'it does not stand on lines of its own';
    const end = ((pair.value ?? pair.key) as Node).range![1];
    const stop = start + this.source.slice(start, end).trimEnd().length;
    const length = this.source.slice(stop).search(/\n|$/);
    return [{ from: lineStart, to: Math.min(stop + length + 1, this.source.length), text: '' }];
  }
}

function nestedFlow(keys: readonly string[], value: string): string {
  return keys.reduceRight((inner, key) => `{${word(key, false)}: ${inner}}`, value);
}

/** A copy without what is at the path, and without maps that hold nothing else. */
function without(value: Json, [step, ...rest]: readonly (string | number)[]): Json {
  if (step === undefined || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item, index) => (index === step ? without(item, rest) : item));
  const { [step]: child, ...others } = value as JsonObject;
  const left = rest.length > 0 && child !== undefined ? without(child, rest) : undefined;
  const isEmpty = left === undefined || (isObject(left) && Object.keys(left).length === 0);
  return isEmpty ? others : { ...others, [step]: left };
}
