import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseAllDocuments,
  parseDocument,
  stringify,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { applyEdits, type Edit } from '../model/edit.ts';
import { isObject, type Json, type JsonObject } from '../model/json.ts';
import { ProblemError } from '../model/problem.ts';

const INNER = { clusters: 'cluster', users: 'user', contexts: 'context' } as const;
export type KubeconfigList = keyof typeof INNER;

/** An entry as it has to be. Fields that it had before stay where `keeps`; else nothing of it is left. */
export interface NewEntry {
  list: KubeconfigList;
  name: string;
  value: JsonObject;
  keeps: boolean;
}

/** Entries of one kubeconfig file, and its current-context where that has to be another one. */
export interface KubeconfigChange {
  entries: readonly NewEntry[];
  currentContext?: string;
}

/**
 * The text of a kubeconfig with entries in it. All else stays as it is written, comments and layout included; where a
 * file is written so oddly that this can't be done (flow style, anchors), it is written anew with its comments. The same
 * text where nothing has to change. Throws ProblemError for a text that can't be changed safely; `file` is for that.
 */
export function changeKubeconfig(text: string, change: KubeconfigChange, file: string): string {
  const mark = text.startsWith('\ufeff') ? '\ufeff' : '';
  const source = text.slice(mark.length);
  const refuse = (message: string): ProblemError =>
    new ProblemError({ code: 'KubeconfigOdd', file, message, hint: 'name another file with --kubeconfig' });
  const documents = parseAllDocuments(source, YAML);
  if (documents.length > 1) throw refuse('it has several YAML documents, of which kubectl reads the first');
  const before = parse(source);
  const old = before.errors.length > 0 ? undefined : (before.toJS() ?? {});
  if (!isObject(old)) throw refuse('it is no kubeconfig, a map with clusters, users and contexts');
  const wanted = changed(old, change);
  if (isDeepStrictEqual(old, wanted)) return text;
  const isAsWanted = (edited: string): boolean => {
    const after = parse(edited);
    return after.errors.length === 0 && isDeepStrictEqual(after.toJS(), wanted);
  };
  const tries = [
    () => asJson(source, wanted),
    () => splice(source, before, wanted),
    () => rewrite(source, wanted),
  ];
  for (const attempt of tries) {
    const edited = attempt();
    if (edited !== undefined && isAsWanted(edited)) return mark + edited;
  }
  throw refuse('it is written in a way that can not be changed safely');
}

// kubectl's parser takes the last of equal keys.
const YAML = { uniqueKeys: false, logLevel: 'silent' } as const;

function parse(text: string): Document.Parsed {
  return parseDocument(text, YAML);
}

function changed(old: JsonObject, { entries, currentContext }: KubeconfigChange): JsonObject {
  const config: JsonObject = Object.keys(old).length > 0 ? { ...old } : { apiVersion: 'v1', kind: 'Config' };
  for (const { list, name, value, keeps } of entries) {
    const items = Array.isArray(config[list]) ? config[list] : [];
    const index = items.findIndex((item) => isObject(item) && item.name === name);
    const item = items[index];
    const inner = INNER[list];
    const kept = keeps && isObject(item) && isObject(item[inner]) ? item[inner] : {};
    const fresh = { [inner]: { ...kept, ...value }, name };
    config[list] = index < 0 ? [...items, fresh] : items.with(index, fresh);
  }
  return currentContext === undefined ? config : { ...config, 'current-context': currentContext };
}

/** JSON stays JSON, with the indentation that it has. */
function asJson(source: string, wanted: JsonObject): string | undefined {
  try {
    JSON.parse(source);
  } catch {
    return undefined;
  }
  const indent = /^\{\s*\n([ \t]+)"/.exec(source)?.[1];
  return `${JSON.stringify(wanted, null, indent)}${source.endsWith('\n') ? '\n' : ''}`;
}

/** Writes only what differs, where it is written in block style; undefined where something is not. */
function splice(source: string, document: Document.Parsed, wanted: JsonObject): string | undefined {
  const root = document.contents;
  const eol = source.includes('\r\n') ? '\r\n' : '\n';
  if (root !== null && (!isMap(root) || root.flow)) return undefined;
  const edits: Edit[] = [];
  let more = '';
  for (const [key, value] of Object.entries(wanted)) {
    const pair = root?.items.findLast((own) => isScalar(own.key) && own.key.value === key);
    if (!pair) more += stringify({ [key]: value }, LAYOUT);
    else if (!isDeepStrictEqual((pair.value as Node | null)?.toJS(document) ?? null, value)) {
      const found = changeOfPair(source, document, pair, value, eol);
      if (!found) return undefined;
      edits.push(...found);
    }
  }
  const end = source === '' || source.endsWith('\n') ? '' : eol;
  const edited = applyEdits(source, edits);
  return edited + (more === '' ? '' : end + more.replaceAll('\n', eol));
}

const LAYOUT = { lineWidth: 0, indentSeq: false } as const;

function changeOfPair(
  source: string,
  document: Document.Parsed,
  { key, value: node }: Pair,
  value: Json,
  eol: string,
): Edit[] | undefined {
  const isList = isSeq(node);
  if (isList && !node.flow && node.items.length > 0 && Array.isArray(value))
    return changeOfList(source, document, node as YAMLSeq<Node>, value, eol);
  if (!isScalar(node) && !(isList && node.items.length === 0)) return undefined;
  const colon = source.indexOf(':', (key as Node).range![1]) + 1;
  const [start, end] = node.range!;
  const [from, to] = start === end ? [colon, colon] : [start, end];
  const lines = stringify(value, LAYOUT).trimEnd().replaceAll('\n', eol);
  if (!Array.isArray(value)) return [{ from, to, text: from === to ? ` ${lines}` : lines }];
  // None yet: the items go below the line of the key, with its comment.
  const line = endOfLine(source, to);
  return [{ from: colon, to: line, text: `${source.slice(to, line).trimEnd()}${eol}${lines}` }];
}

function changeOfList(
  source: string,
  document: Document.Parsed,
  list: YAMLSeq<Node>,
  value: readonly Json[],
  eol: string,
): Edit[] | undefined {
  const edits: Edit[] = [];
  const starts = list.items.map((item) => item.range![0]);
  const column = (offset: number): number => offset - (source.lastIndexOf('\n', offset - 1) + 1);
  const linesAt = (item: Json, indent: number): string =>
    stringify(item, LAYOUT)
      .trimEnd()
      .replaceAll('\n', `${eol}${' '.repeat(indent)}`);
  for (const [index, item] of value.entries()) {
    const node = list.items[index];
    if (!node) {
      const last = list.items.at(-1)!;
      const [, indent] = /(?:^|\n)( *)-[ \t]+$/.exec(source.slice(0, starts.at(-1)!)) ?? [];
      if (indent === undefined) return undefined;
      const end = endOfLine(source, endOf(last, source));
      edits.push({ from: end, to: end, text: `${eol}${indent}- ${linesAt(item, indent.length + 2)}` });
    } else if (!isDeepStrictEqual(node.toJS(document), item)) {
      edits.push({
        from: starts[index]!,
        to: endOf(node, source),
        text: linesAt(item, column(starts[index]!)),
      });
    }
  }
  return edits;
}

/** Where what a node says ends; comments and empty lines behind it are not its own. */
function endOf(node: Node, source: string): number {
  const isBlock = (isMap(node) || isSeq(node)) && !node.flow;
  const last = isBlock ? (node as YAMLMap | YAMLSeq).items.at(-1) : undefined;
  if (isMap(node) && last) {
    const { key, value } = last as Pair<Node, Node | null>;
    const isThere = value?.range && value.range[1] > value.range[0];
    return isThere ? endOf(value, source) : source.indexOf(':', key.range![1]) + 1;
  }
  if (last) return endOf(last as Node, source);
  const [start, end] = node.range!;
  return start + source.slice(start, end).trimEnd().length;
}

function endOfLine(source: string, offset: number): number {
  return offset + source.slice(offset).search(/\r?\n|$/);
}

/** The whole document as the library writes it: comments stay, the layout may not. */
function rewrite(source: string, wanted: JsonObject): string | undefined {
  const document = parse(source);
  if (!isMap(document.contents)) return undefined;
  for (const [key, value] of Object.entries(wanted)) {
    const node = document.get(key, true) as Node | undefined;
    if (isDeepStrictEqual(node?.toJS(document), value)) continue;
    if (isSeq(node) && Array.isArray(value))
      for (const [index, item] of value.entries()) {
        const own = node.items[index] as Node | undefined;
        if (!own || !isDeepStrictEqual(own.toJS(document), item)) node.set(index, document.createNode(item));
      }
    else document.set(key, document.createNode(value));
  }
  const indentSeq = /^[^\s#-].*:\s*(?:#.*)?\n +- /m.test(source);
  return document.toString({ lineWidth: 0, indentSeq });
}
