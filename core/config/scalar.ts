import { isMap, isScalar, isSeq, type Node, Scalar } from 'yaml';

type ScalarKind = 'null' | 'boolean' | 'number' | 'text';

const NULL = /^(?:~|null|Null|NULL)?$/;
const BOOLEAN = /^(?:(y|Y|yes|Yes|YES|on|On|ON|true|True|TRUE)|n|N|no|No|NO|off|Off|OFF|false|False|FALSE)$/;
const NUMBER =
  /^[-+]?(?:0b[01_]+|0x[\da-fA-F_]+|0o?[0-7_]+|(?:\d[\d_]*)?\.?\d[\d_]*\.?(?:[eE][-+]?\d+)?|\.inf|\.Inf|\.INF)$|^\.(?:nan|NaN|NAN)$/;

/** What kubectl's YAML makes of a scalar that stands there without quotes; with quotes it is text. */
export function kindOf(node: Scalar): ScalarKind {
  const text = String(node.value ?? '');
  if (node.type !== Scalar.PLAIN && node.type !== undefined) return 'text';
  return plainKind(text);
}

/** Whether a text may be written without quotes and is still text. */
export function plainIsText(text: string): boolean {
  return plainKind(text) === 'text';
}

function plainKind(text: string): ScalarKind {
  if (NULL.test(text)) return 'null';
  if (BOOLEAN.test(text)) return 'boolean';
  return NUMBER.test(text) ? 'number' : 'text';
}

/** Undefined where it is no boolean. */
export function booleanOf(node: Node): boolean | undefined {
  if (!isScalar(node) || kindOf(node) !== 'boolean') return undefined;
  return BOOLEAN.exec(String(node.value))![1] !== undefined;
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
