import { EVENT_ID, YAMLException } from 'js-yaml';
import type { Json, JsonObject } from '../model/json.ts';
import { placeOf } from './events.ts';
import { type Fault, FaultError } from './fault.ts';
import { parseIndulgently } from './indentation.ts';
import { forbiddenCharacter } from './text.ts';
import { YamlBuilder } from './yaml-builder.ts';
import { yaml11Fault } from './yaml11.ts';

/** What one document says. `offset` is where its first node begins, `items` where each item of a List does. */
export interface Document {
  value: Json;
  offset: number;
  items: Map<JsonObject, number>;
}

const EARLY_END = /^(?:[ \t]*(?:#.*)?\r?\n)*\.\.\.(?:\s|$)/;

/** Reads one YAML document, offsets counted from the start of `text`. `document` is absent where it has faults. */
export function readYamlDocument(text: string): { document?: Document; faults: Fault[] } {
  const forbidden = forbiddenCharacter(text);
  if (forbidden) return { faults: [forbidden] };
  if (/^\s*%/.test(text)) {
    const message = 'directives such as %YAML are not supported, by kubectl neither';
    return { faults: [{ code: 'Directive', message, offset: text.search(/\S/), hint: 'remove the line' }] };
  }
  if (EARLY_END.test(text)) {
    return {
      faults: [
        {
          code: 'AfterEnd',
          message: '"..." ends a document that has not begun',
          offset: text.indexOf('...'),
          hint: 'remove the line',
        },
      ],
    };
  }
  const identity = (offset: number): number => offset;
  let original = identity;
  try {
    // kubectl's reader ends every line, the last one too.
    const parsed = parseIndulgently(text.endsWith('\n') ? text : `${text}\n`);
    original = parsed.original;
    const { source, events } = parsed;
    if (events.length === 0) return { faults: [] };
    const second = events.findIndex((event, index) => index > 0 && event.type === EVENT_ID.DOCUMENT);
    if (second > 0) {
      const offset = Math.max(placeOf(events[second + 1]!), 0);
      const message = 'after "..." the document is over: kubectl drops this without a word';
      return {
        faults: [
          { code: 'AfterEnd', message, offset: original(offset), hint: 'separate documents by a line "---"' },
        ],
      };
    }
    const strict = yaml11Fault(source, events);
    if (strict) return { faults: [moved(strict, original)] };
    const builder = new YamlBuilder(source, events, 1);
    const value = builder.build();
    if (builder.faults.length > 0) return { faults: builder.faults.map((fault) => moved(fault, original)) };
    if (source.length > text.length + 1)
      for (const [item, offset] of builder.items) builder.items.set(item, original(offset));
    return {
      document: { value, offset: original(Math.max(placeOf(events[1]!), 0)), items: builder.items },
      faults: [],
    };
  } catch (error) {
    if (error instanceof FaultError) return { faults: [moved(error.fault, original)] };
    if (error instanceof YAMLException) return { faults: [syntaxFault(error, text)] };
    throw error;
  }
}

function moved(fault: Fault, original: (offset: number) => number): Fault {
  const other = fault.other === undefined ? {} : { other: original(fault.other) };
  return { ...fault, offset: original(fault.offset), ...other };
}

// js-yaml's sentences, where ours says more or where its own quotes the text: that may be a Secret's value.
const WORDING: [start: string, message: string, hint?: string][] = [
  ['nesting exceeded', 'the document is nested too deeply'],
  ['tag name cannot contain', 'this is not a tag', 'put a value that begins with "!" in quotes'],
  ['tag suffix cannot contain', 'this is not a tag', 'put a value that begins with "!" in quotes'],
  ['named tag handle', 'this is not a tag', 'put a value that begins with "!" in quotes'],
  ['undeclared tag handle', 'this is not a tag', 'put a value that begins with "!" in quotes'],
  ['name of an alias', 'an alias needs a name', 'put a value that begins with "*" in quotes'],
  ['name of an anchor', 'an anchor needs a name', 'put a value that begins with "&" in quotes'],
  ['tab characters must not', 'a tab cannot indent', 'use spaces'],
  ['bad indentation of a mapping entry', 'this line is indented in a way that fits no map above it'],
  ['bad indentation of a sequence entry', 'this line is indented in a way that fits no list above it'],
  [
    'can not read a block mapping entry',
    'a key goes over more than one line',
    'is a ":" or a quote missing before this?',
  ],
  ["expected ':' after a mapping key", 'a ":" is missing after this key'],
  [
    'end of the stream or a document separator',
    'this does not belong to what stands before it',
    'is it indented as the lines above are?',
  ],
  ['deficient indentation', 'this line has to be indented deeper'],
];

function syntaxFault(error: YAMLException, text: string): Fault {
  // What is missing at the end of a document is shown on its last line.
  const offset = Math.min(error.mark?.position ?? 0, text.trimEnd().length);
  const wording = WORDING.find(([start]) => error.reason.startsWith(start));
  const hint = text.includes('{{')
    ? 'is this a template? Render it first (helm template, kustomize build)'
    : wording?.[2];
  return { code: 'Syntax', message: wording?.[1] ?? error.reason, offset, ...(hint ? { hint } : {}) };
}
