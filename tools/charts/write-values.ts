import { stringify } from 'yaml';
import type { Json, JsonObject } from '../../core/model/json.ts';
import type { Group, Value, Values } from './value.ts';

const WIDTH = 118;

const isGroup = (one: Value | Group): one is Group => 'values' in one;

/** values.yaml: every value with its default, below what it is for. */
export function valuesFile(values: Values, source: string): string {
  return `# Written from ${source}: change it there.\n${block(values, '')}`;
}

function block(values: Values, indent: string): string {
  return Object.entries(values)
    .map(([name, one]) => {
      const gap = indent === '' ? '\n' : '';
      const head = gap + comment(one.doc, indent);
      if (isGroup(one)) return `${head}${indent}${name}:\n${block(one.values, `${indent}  `)}`;
      const yaml = stringify({ [name]: one.default }, { lineWidth: 0, defaultStringType: 'PLAIN' });
      return head + yaml.replaceAll(/^(?=.)/gm, indent);
    })
    .join('');
}

function comment(doc: string, indent: string): string {
  const lines = [''];
  for (const word of doc.split(' ')) {
    const line = lines.at(-1)!;
    if (indent.length + line.length + word.length + 3 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => `${indent}# ${line}\n`).join('');
}

/** values.schema.json: these values and no others. */
export function valuesSchema(values: Values, chart: string): JsonObject {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `Values of the chart ${chart}`,
    // Helm hands it down to charts that are part of another.
    ...schemaOf(values, { global: { type: 'object' } }),
  };
}

function schemaOf(values: Values, more: Record<string, JsonObject> = {}): JsonObject {
  const properties = Object.entries(values).map(([name, one]): [string, JsonObject] => [
    name,
    { description: one.doc, ...(isGroup(one) ? schemaOf(one.values) : one.schema) },
  ]);
  return {
    type: 'object',
    additionalProperties: false,
    properties: { ...Object.fromEntries(properties), ...more },
  };
}

/** The table of the README. */
export function valuesTable(values: Values): string {
  return `| Value | Default | |\n|---|---|---|\n${rows(values, '').join('\n')}\n`;
}

function rows(values: Values, path: string): string[] {
  return Object.entries(values).flatMap(([name, one]) => {
    const full = `${path}${name}`;
    if (isGroup(one)) return [row(full, undefined, one.doc), ...rows(one.values, `${full}.`)];
    return [row(full, one.default, one.doc)];
  });
}

function row(name: string, preset: Json | undefined, doc: string): string {
  const text =
    preset === undefined ? '' : `\`${typeof preset === 'string' ? preset || '""' : JSON.stringify(preset)}\``;
  return `| \`${name}\` | ${text} | ${doc.replaceAll('|', '\\|')} |`;
}
