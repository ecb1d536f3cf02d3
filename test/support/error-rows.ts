/** A list of situations in which a command can't do what it is asked, and what a person is told in each. */
import test, { type ExecutionContext } from 'ava';
import { type PluginOptions, type PluginResult, plugin } from './plugin.ts';

/** A command line, and all around it. */
export interface Situation extends PluginOptions {
  args: string | readonly string[];
  /** What must not be printed: the credentials of the situation. */
  secrets?: readonly string[];
}

export interface ErrorRow {
  what: string;
  given: Situation | ((t: ExecutionContext) => Situation | Promise<Situation>);
  /** The sentence after `error: `, all of it. */
  error: RegExp | string;
  /** What is said after `hint: `, all of it; no such line where there is none here. */
  hint?: RegExp | string;
  /** 2 where not said. */
  code?: number | undefined;
  /** Nothing where not said. */
  stdout?: RegExp;
  /** Lines of stderr before the error, such as notices; none where not said. */
  before?: RegExp;
}

/** A person reads it at one glance. */
const LONGEST = 400;

/** One test for each row, one after the other: each is a program of its own, and dozens at once would starve the rest. */
export function tellsErrors(rows: readonly ErrorRow[]): void {
  for (const row of rows)
    test.serial(`told in a sentence: ${row.what}`, async (t) => {
      const { args, secrets, ...options } = typeof row.given === 'function' ? await row.given(t) : row.given;
      judge(t, row, await plugin(typeof args === 'string' ? args.split(' ') : args, options), secrets);
    });
}

/** Holds what was printed against a row. */
export function judge(
  t: ExecutionContext,
  { error, hint, code = 2, stdout, before }: Omit<ErrorRow, 'what' | 'given'>,
  result: Pick<PluginResult, 'code' | 'stdout' | 'stderr'>,
  secrets: readonly string[] = [],
): void {
  const all = result.stdout + result.stderr;
  t.is(result.code, code, all);
  if (stdout) t.regex(result.stdout, stdout);
  else t.is(result.stdout, '');
  // The place in a file is drawn below its sentence.
  const lines = result.stderr.split('\n').filter((line) => !/^ +(\d+ )?\|/.test(line));
  t.is(lines.pop(), '', 'the last line ends');
  const end = lines.findIndex((line) => line.startsWith('error: '));
  t.true(end >= 0, `no error is told: ${all}`);
  says(t, lines[end]!, 'error', error);
  if (before) t.regex(lines.slice(0, end).join('\n'), before);
  else t.is(end, 0, result.stderr);
  if (hint === undefined) t.is(lines[end + 1], undefined, result.stderr);
  else says(t, lines[end + 1] ?? '', 'hint', hint);
  t.is(lines[end + 2], undefined, result.stderr);
  isClean(t, all, lines, secrets);
}

function says(t: ExecutionContext, line: string, kind: 'error' | 'hint', wanted: RegExp | string): void {
  if (typeof wanted === 'string') t.is(line, `${kind}: ${wanted}`);
  else t.regex(line, new RegExp(`^${kind}: (?:${wanted.source})$`));
}

function isClean(
  t: ExecutionContext,
  all: string,
  lines: readonly string[],
  secrets: readonly string[],
): void {
  t.notRegex(all, /^\s+at .*[:(]/m, 'a stack trace');
  t.notRegex(all, /\bundefined\b|\[object |\bNaN\b|unexpected: /, 'a value that nobody worded');
  t.notRegex(all, /[\x00-\x08\x0b-\x1f\x7f]/, 'a control character');
  for (const line of lines) t.true(line.length <= LONGEST, `too long: ${line}`);
  for (const secret of secrets) {
    t.false(all.includes(secret), 'a secret');
    t.false(all.includes(Buffer.from(secret).toString('base64').slice(0, -4)), 'a secret in base64');
  }
}
