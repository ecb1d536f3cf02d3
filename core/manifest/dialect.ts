import { type Fault, FaultError } from './fault.ts';
import { JsonReader } from './json-text.ts';
import { type Span, splitDocuments } from './split.ts';
import { type Document, readYamlDocument } from './yaml-document.ts';

/** A document with its place in the text: all offsets count from the start of the text. */
export interface TextDocument extends Document, Span {}

/** A text's documents in their order, and everything that is wrong with it. Documents with faults are left out. */
export interface ParsedText {
  documents: TextDocument[];
  faults: Fault[];
}

/**
 * Reads a text as kubectl does (`YAMLOrJSONDecoder` of k8s.io/apimachinery): one that begins with `{` is JSON, or a
 * stream of JSON values; if the first or the second value is not JSON, YAML goes on from there. YAML never goes
 * back to JSON. Differences, all of them refusals: duplicate keys, content after `...`, nesting deeper than
 * MAX_DEPTH. Empty documents are left out.
 */
export function parseText(text: string): ParsedText {
  const parsed: ParsedText = { documents: [], faults: [] };
  const from = /^\s*\{/.test(text) ? readJson(text, parsed) : 0;
  if (from !== undefined) readYaml(text, from, parsed);
  return parsed;
}

/** Where YAML has to go on, or undefined where the text is over. */
function readJson(text: string, parsed: ParsedText): number | undefined {
  const reader = new JsonReader(text);
  // Go's decoder takes any Unicode space before the first value only.
  reader.at = text.search(/\S/);
  for (let count = 0; count < MAX_DOCUMENTS; count += 1) {
    const before = reader.at;
    if (!reader.skipSpace()) return undefined;
    const start = reader.at;
    try {
      const value = reader.read();
      parsed.faults.push(...reader.faults);
      if (reader.faults.length === 0 && value !== null) {
        parsed.documents.push({ value, offset: start, start, end: reader.at, items: reader.items });
      }
    } catch (error) {
      if (!(error instanceof FaultError)) throw error;
      const yaml: ParsedText = { documents: [], faults: [] };
      if (count <= 1 && error.fault.code === 'Syntax') {
        const newline = /^[^\S\n]*\n/.exec(text.slice(before, start));
        const from = before + (newline ? newline[0].length : 0);
        if (!looksLikeJson(text, start)) return from;
        readYaml(text, from, yaml);
        if (yaml.faults.length === 0) {
          parsed.documents.push(...yaml.documents);
          return undefined;
        }
      }
      parsed.faults.push(error.fault);
      return undefined;
    }
  }
  parsed.faults.push({
    code: 'TooLarge',
    message: `the file has more than ${MAX_DOCUMENTS} documents`,
    offset: reader.at,
    hint: 'split it',
  });
  return undefined;
}

/** Whether the writer had JSON in mind: then JSON's complaint helps more than YAML's. */
function looksLikeJson(text: string, at: number): boolean {
  return /^\{\s*["}]/.test(text.slice(at, at + 1000));
}

/** What a YAML parser makes of one document takes up to 100 times its size in memory. */
const MAX_YAML_DOCUMENT = 8 * 1024 * 1024;
const MAX_DOCUMENTS = 100_000;

function readYaml(text: string, from: number, parsed: ParsedText): void {
  const { spans, faults } = splitDocuments(text, from);
  parsed.faults.push(...faults);
  for (const { start, end } of spans) {
    if (end - start > MAX_YAML_DOCUMENT) {
      const message = 'this YAML document has more than 8 MiB';
      const hint =
        'the API server takes objects of up to 3 MiB; write a long List as documents between "---" lines, or as JSON';
      parsed.faults.push({ code: 'TooLarge', message, offset: start, hint });
      continue;
    }
    if (parsed.documents.length + parsed.faults.length >= MAX_DOCUMENTS) {
      const message = `the file has more than ${MAX_DOCUMENTS} documents`;
      parsed.faults.push({ code: 'TooLarge', message, offset: start, hint: 'split it' });
      break;
    }
    const read = readYamlDocument(start === 0 && end === text.length ? text : text.slice(start, end));
    for (const fault of read.faults) {
      const other = fault.other === undefined ? {} : { other: fault.other + start };
      parsed.faults.push({ ...fault, offset: fault.offset + start, ...other });
    }
    const { document } = read;
    if (!document || document.value === null) continue;
    if (start > 0) for (const [item, offset] of document.items) document.items.set(item, offset + start);
    parsed.documents.push({ ...document, offset: document.offset + start, start, end });
  }
  parsed.faults.sort((a, b) => a.offset - b.offset);
}
