import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { IgnoreRule } from '../model/ignore.ts';
import { type PathStep, parsePath } from '../model/path.ts';
import type { Problem } from '../model/problem.ts';

const SELECTORS = ['group', 'kind', 'namespace', 'name'] as const;
const LISTS = ['paths', 'managers'] as const;
const SHAPE = 'a rule has kind, group, namespace, name, and paths or managers';

/**
 * Reads the rules of an ignore file: a YAML map with the one key `ignore`, a list of rules. Every problem is
 * reported with its place; there are no rules then.
 */
export function readIgnoreRules(text: string, file: string): { rules: IgnoreRule[]; problems: Problem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const problems: Problem[] = [];
  const report = (node: unknown, message: string, hint?: string): void => {
    const { line, col } = lines.linePos((node as Node | undefined)?.range?.[0] ?? 0);
    problems.push({ code: 'IgnoreFile', message, file, line, column: col, ...(hint && { hint }) });
  };
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0]);
    problems.push({
      code: 'IgnoreFile',
      message: error.message.split(' at line')[0]!,
      file,
      line,
      column: col,
    });
  }
  const root = document.contents;
  const list = isMap(root) ? root.get('ignore', true) : undefined;
  if (problems.length > 0) return { rules: [], problems };
  if (!isMap(root) || root.items.length !== 1 || !isSeq(list)) {
    report(root, 'an ignore file holds the one key "ignore" with a list of rules', SHAPE);
    return { rules: [], problems };
  }
  const rules = list.items.map((item) => readRule(item, report));
  return { rules: problems.length > 0 ? [] : rules, problems };
}

type Report = (node: unknown, message: string, hint?: string) => void;

function readRule(item: unknown, report: Report): IgnoreRule {
  const rule: IgnoreRule = { paths: [], managers: [] };
  if (!isMap(item)) {
    report(item, 'a rule is a map', SHAPE);
    return rule;
  }
  for (const { key, value } of item.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const selector = SELECTORS.find((candidate) => candidate === name);
    const list = LISTS.find((candidate) => candidate === name);
    if (selector) {
      if (isScalar(value) && typeof value.value === 'string') rule[selector] = value.value;
      else report(value ?? key, `${name} is a string`);
    } else if (list) readList(list, value ?? key, rule, report);
    else report(key, `unknown key ${JSON.stringify(name)}`, SHAPE);
  }
  if (rule.paths.length === 0 && rule.managers.length === 0)
    report(item, 'the rule names no paths and no managers', SHAPE);
  return rule;
}

function readList(name: (typeof LISTS)[number], value: unknown, rule: IgnoreRule, report: Report): void {
  if (!isSeq(value)) return report(value, `${name} is a list of strings`);
  for (const item of value.items) {
    const text = isScalar(item) ? item.value : undefined;
    if (typeof text !== 'string' || text === '') report(item, `${name} is a list of strings`);
    else if (name === 'managers') rule.managers.push(text);
    else rule.paths.push(readPath(text, item, report));
  }
}

function readPath(text: string, node: unknown, report: Report): PathStep[] {
  try {
    return parsePath(text);
  } catch (error) {
    report(
      node,
      `can't read the path ${text}: ${(error as Error).message}`,
      'write spec.replicas, or /spec/replicas',
    );
    return [];
  }
}
