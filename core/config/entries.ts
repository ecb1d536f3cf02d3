import { isMap, isScalar, isSeq, type Node, Scalar, type YAMLMap } from 'yaml';
import type { ConfigDocument } from './document.ts';
import { offsetOf } from './document.ts';
import { emptyScalar, quoted } from './scalar.ts';

/** One key of a map with its value; `<<` is merged in by kubectl's rules. */
export interface MapEntry {
  key: Node;
  value: Node;
}

/**
 * The keys of a map. Keys that are given twice, that are no text, and what can't be merged are reported. As in kubectl a
 * `<<` overrides what stands before it, and is overridden by what comes after.
 */
export function entriesOf(map: YAMLMap, document: ConfigDocument, depth = 0): Map<string, MapEntry> {
  const entries = new Map<string, MapEntry>();
  const own = new Map<string, Node>();
  for (const pair of map.items) {
    const key = document.resolve(pair.key as Node);
    if (!isScalar(key)) {
      document.report(key, 'a key is text');
      continue;
    }
    const name = String(key.value);
    // A key without a colon in a flow map has no value node.
    const value = (pair.value as Node | null) ?? emptyScalar(key.range?.[1]);
    if (name === '<<' && key.type === Scalar.PLAIN) {
      for (const source of mergeSources(value, document)) {
        if (!isMap(source) || depth > 10) document.report(value, '"<<" merges a map, or a list of maps');
        else for (const [merged, entry] of entriesOf(source, document, depth + 1)) entries.set(merged, entry);
      }
      continue;
    }
    const first = own.get(name);
    if (first) {
      const { line, column } = document.position(offsetOf(first));
      document.report(key, `${quoted(name)} is given twice; the first is at ${line}:${column}`, 'remove one');
    } else {
      own.set(name, key);
      entries.set(name, { key, value });
    }
  }
  return entries;
}

/** In the order in which they are merged: of a list the first wins. */
function mergeSources(value: Node, document: ConfigDocument): Node[] {
  const node = document.resolve(value);
  if (!isSeq(node)) return [node];
  return node.items.map((item) => document.resolve(item as Node)).reverse();
}
