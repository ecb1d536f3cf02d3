import { type Json, stringifyJson } from '../model/json.ts';
import { escapeJsonText } from './escape.ts';
import { yamlText } from './yaml.ts';

export type DocumentFormat = 'json' | 'yaml';

/** A report for programs, its keys in the order in which they are given. */
export function documentText(format: DocumentFormat, report: Json): string {
  return format === 'json' ? `${escapeJsonText(stringifyJson(report, 2))}\n` : yamlText(report, 'given');
}
