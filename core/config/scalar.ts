import { isMap, isScalar, isSeq, type Node, Scalar } from 'yaml';
import type { Json } from '../model/json.ts';
import { resolvePlain } from '../model/plain-scalar.ts';

type ScalarKind = 'null' | 'boolean' | 'number' | 'text';

export const STRING_TAG = 'tag:yaml.org,2002:str';

/** What kubectl's YAML makes of a scalar that stands there without quotes; with quotes it is text. */
export function kindOf(node: Scalar): ScalarKind {
  const value = meaningOf(node);
  if (value === null) return 'null';
  if (typeof value === 'string') return 'text';
  return typeof value === 'boolean' ? 'boolean' : 'number';
}

function meaningOf(node: Scalar): Json {
  const text = String(node.value ?? '');
  return node.tag === STRING_TAG || node.type !== Scalar.PLAIN ? text : resolvePlain(text);
}

/** Whether a text may be written without quotes and is text to every reader. */
export function plainIsText(text: string): boolean {
  return typeof resolvePlain(text) === 'string' && Number.isNaN(Number(text));
}

/** Undefined where it is no boolean. */
export function booleanOf(node: Node): boolean | undefined {
  const value = isScalar(node) ? meaningOf(node) : undefined;
  return typeof value === 'boolean' ? value : undefined;
}

export function isNull(node: Node): boolean {
  return isScalar(node) && kindOf(node) === 'null';
}

/** For sentences: `prune is true or false, not a list`. */
export function nameOf(node: Node): string {
  if (isMap(node)) return 'a map';
  if (isSeq(node)) return 'a list';
  if (!isScalar(node)) return 'this';
  const kind = kindOf(node);
  if (kind === 'null') return 'nothing';
  return kind === 'text' ? quoted(String(node.value)) : String(node.value).slice(0, 60);
}

/** A text of the file in a sentence, bounded. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** A value that nobody wrote. */
export function emptyScalar(offset = 0): Scalar {
  const empty = new Scalar('');
  empty.type = Scalar.PLAIN;
  empty.range = [offset, offset, offset];
  return empty;
}
