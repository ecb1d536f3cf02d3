import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, Scalar, type YAMLMap } from 'yaml';
import type { Edit } from '../model/edit.ts';
import { ConfigDocument, offsetOf } from './document.ts';
import { camelCase } from './map.ts';
import { plainIsText } from './scalar.ts';

/** A new pair in both styles: lines, indented against each other, and one line. `quotes`: the map has quoted keys. */
export interface NewPair {
  block: (quotes: boolean) => string[];
  /** `space`: what is written after an opening brace in this file. */
  flow: (quotes: boolean, space: string) => string;
}

/**
 * Finds places in a file without mistakes, and words changes of it that leave all else as it is written. Layouts that it
 * does not know come out as no change, or as one that the next reading of the file refuses.
 */
export class Splicer {
  protected readonly source: string;
  protected readonly document: ConfigDocument;

  constructor(source: string, file: string) {
    this.source = source;
    this.document = new ConfigDocument(source, file);
  }

  /** The node at a path of keys and positions from the root; undefined where there is none. */
  protected find(path: readonly (string | number)[]): Node | undefined {
    return this.document.read((root) => {
      let node: Node | undefined = this.document.resolve(root);
      for (const step of path) {
        const child: unknown =
          typeof step === 'number'
            ? isSeq(node) && node.items[step]
            : isMap(node) && ownPair(node, step)?.value;
        node = child ? this.document.resolve(child as Node) : undefined;
        if (!node) return undefined;
      }
      return node;
    });
  }

  /** Adds a pair to a map, after the one whose key is like `beside` where there is one. */
  protected addPair(map: YAMLMap, beside: RegExp, { block, flow }: NewPair): Edit {
    const [first] = map.items;
    const quotes = isQuoted(first?.key);
    if (map.flow || !first) return this.flowPair(map, quotes, flow);
    const start = offsetOf(first.key as Node);
    const indent = ' '.repeat(this.document.position(start).column - 1);
    const lines = block(quotes).join(`${this.eol}${indent}`);
    // After the last "<<", which overrides what is above it.
    const last = map.items.findLastIndex(({ key }) => isScalar(key) && key.value === '<<');
    const candidates = map.items.slice(Math.max(last, 0));
    const named = candidates.find(({ key }) => isScalar(key) && beside.test(String(key.value)));
    for (const pair of [...(named ? [named] : []), ...candidates]) {
      const end = this.endOfLine(pair);
      if (end !== undefined) return { from: end, to: end, text: `${this.eol}${indent}${lines}` };
    }
    return { from: start, to: start, text: `${lines}${this.eol}${indent}` };
  }

  protected get eol(): string {
    return this.source.includes('\r\n') ? '\r\n' : '\n';
  }

  private flowPair(map: YAMLMap, quotes: boolean, flow: NewPair['flow']): Edit {
    const [start] = map.range!;
    const space = this.source[start + 1] === ' ' ? ' ' : '';
    const pair = flow(quotes, space);
    const last = map.items.at(-1);
    const end = ((last?.value ?? last?.key) as Node | undefined)?.range?.[1];
    return end === undefined
      ? { from: start + 1, to: start + 1, text: pair }
      : { from: end, to: end, text: `, ${pair}` };
  }

  /** Where the line of a pair ends that is on one line with nothing but a comment behind it. */
  private endOfLine({ key, value }: Pair): number | undefined {
    const range = isScalar(value) || isAlias(value) ? value.range : undefined;
    if (!range || range[0] === range[1]) return undefined;
    const [start] = (key as Node).range!;
    const length = this.source.slice(range[1]).search(/\r?\n|$/);
    const rest = this.source.slice(range[1], range[1] + length);
    const oneLine = !this.source.slice(start, range[1]).includes('\n');
    return oneLine && /^\s*(#.*)?$/.test(rest) ? range[1] + length : undefined;
  }
}

export function ownPair(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find(
    ({ key: own }) => isScalar(own) && (own.value === key || own.value === camelCase(key)),
  );
}

export function isQuoted(node: unknown): boolean {
  return isScalar(node) && node.type === Scalar.QUOTE_DOUBLE;
}

/** A text as a scalar, plain where it can be. */
export function word(text: string, quotes: boolean): string {
  return !quotes && /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(text) && plainIsText(text)
    ? text
    : JSON.stringify(text);
}
