import type { IgnoreRule } from '../model/ignore.ts';
import type { Problem } from '../model/problem.ts';
import { ConfigDocument } from './document.ts';
import { IGNORE_RULE } from './ignore-type.ts';
import { map } from './map.ts';
import { list } from './types.ts';

const IGNORE_FILE = map({ ignore: { type: list(IGNORE_RULE), required: true, doc: 'The rules.' } });

/**
 * Reads the rules of an ignore file: a YAML map with the one key `ignore`, a list of rules. Every problem is
 * reported with its place; there are no rules then.
 */
export function readIgnoreRules(text: string, file: string): { rules: IgnoreRule[]; problems: Problem[] } {
  const document = new ConfigDocument(text, file);
  const values = document.read((root) => IGNORE_FILE.read(root, 'the ignore file', document));
  const { problems } = document;
  return { rules: problems.length > 0 ? [] : values!.ignore.value.map(({ value }) => value), problems };
}
