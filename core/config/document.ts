import { isUtf8 } from 'node:buffer';
import { type Alias, type Document, isAlias, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { Problem } from '../model/problem.ts';
import { emptyScalar, STRING_TAG } from './scalar.ts';

/** A place in a file that people write; both start at 1. */
export interface Position {
  line: number;
  column: number;
}

/** Far more nodes than a file within the size limit has by itself: what is beyond comes from aliases of aliases. */
const MAX_NODES = 200_000;

/** Ends the reading of a document; the problem was reported. */
class Stopped extends Error {}

/** One YAML document of a file that people write for us, and what is wrong with it so far. */
export class ConfigDocument {
  readonly file: string;
  readonly problems: Problem[] = [];
  private readonly root: Node | undefined;
  private readonly lines = new LineCounter();
  private readonly targets = new Map<Alias, Node>();
  private nodes = 0;

  constructor(text: string, file: string) {
    this.file = file;
    // The parser's own counting stops where it is confused.
    this.lines.addNewLine(0);
    for (const { index } of text.matchAll(/\n/g)) this.lines.addNewLine(index + 1);
    this.root = this.parse(text);
  }

  /** `at`: a node, or an offset in UTF-16 units. */
  report(at: Node | number, message: string, hint?: string): void {
    this.problems.push(this.problemAt(typeof at === 'number' ? at : offsetOf(at), message, hint));
  }

  problemAt(offset: number, message: string, hint?: string): Problem {
    return { code: 'Config', message, file: this.file, ...this.position(offset), ...(hint && { hint }) };
  }

  position(offset: number): Position {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  /** The node itself, or what an alias stands for. Ends the reading where there are too many. */
  resolve(node: Node): Node {
    this.nodes += 1;
    if (this.nodes > MAX_NODES) {
      this.report(node, 'the aliases of the file stand for too much', 'write out what is meant');
      throw new Stopped();
    }
    return isAlias(node) ? this.targets.get(node)! : node;
  }

  /** Runs `use` on the root; undefined where reading was ended. */
  read<T>(use: (root: Node) => T): T | undefined {
    if (!this.root || this.problems.length > 0) return undefined;
    try {
      return use(this.root);
    } catch (error) {
      if (error instanceof Stopped) return undefined;
      throw error;
    }
  }

  private parse(text: string): Node | undefined {
    const control = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.exec(text);
    // All scalars are read as text: what they mean depends on the field, by kubectl's rules.
    const document = parseDocument(text, {
      schema: 'failsafe',
      uniqueKeys: false,
      prettyErrors: false,
    });
    if (control) {
      const code = control[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      this.report(control.index, `the control character U+${code} is not allowed in YAML`);
      return undefined;
    }
    // What follows the first mistake is rarely one of its own.
    const [error] = document.errors;
    if (error) {
      const { message, hint } = wordSyntax(error.code, error.message);
      this.report(Math.min(error.pos[0], text.trimEnd().length), message, hint);
      return undefined;
    }
    this.findAnchors(document);
    return document.contents ?? emptyScalar();
  }

  private findAnchors(document: Document): void {
    const anchors = new Map<string, Node>();
    visit(document, {
      Node: (_key, node) => {
        if (isAlias(node)) {
          const target = anchors.get(node.source);
          if (target) this.targets.set(node, target);
          else this.report(node, `there is no anchor &${node.source} before this alias`);
        } else {
          if (node.anchor) anchors.set(node.anchor, node);
          if (node.tag && node.tag !== STRING_TAG) this.report(node, 'tags have no place here', 'remove it');
        }
      },
    });
  }
}

/**
 * The bytes of a file as text without a byte order mark, or the one problem with them: too many (`maxBytes`), not UTF-8.
 */
export function decodeConfig(bytes: Uint8Array, file: string, maxBytes: number): { text: string } | Problem {
  const problem = { code: 'Config', file, line: 1, column: 1 };
  if (bytes.length > maxBytes) {
    const message = `the file has ${bytes.length} bytes, and ${maxBytes} are allowed`;
    return { ...problem, message };
  }
  if (!isUtf8(bytes)) return { ...problem, message: 'the file is not UTF-8 text', hint: 'save it as UTF-8' };
  return { text: new TextDecoder().decode(bytes) };
}

export function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

const WORDING: Record<string, [message: string, hint?: string]> = {
  MULTIPLE_DOCS: ['the file holds more than one YAML document', 'leave one, and no line "---" after it'],
  TAB_AS_INDENT: ['a tab cannot indent', 'use spaces'],
  BAD_INDENT: ['this line is indented in a way that fits nothing above it'],
  BAD_ALIAS: ['this is not an alias', 'put a value that begins with "*" in quotes'],
  MISSING_CHAR: ['something is missing here: a quote, a bracket or a ":"'],
};

function wordSyntax(code: string, message: string): { message: string; hint?: string } {
  if (/call stack/i.test(message)) return { message: 'the document is nested too deeply' };
  const bracket = /^Flow .* end with a (.)$/.exec(message)?.[1];
  if (bracket) return { message: `a "${bracket}" is missing, or what is in the brackets is not indented` };
  const [words, hint] = WORDING[code] ?? [message.charAt(0).toLowerCase() + message.slice(1)];
  return { message: words, ...(hint && { hint }) };
}
