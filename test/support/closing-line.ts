import { stripVTControlCharacters } from 'node:util';

/** What of ava's last lines is a failure, beside failed tests. */
const FAILURES = [
  /^(\d+) tests? failed$/m,
  /^(\d+) hooks? failed$/m,
  /^(\d+) unhandled rejections?$/m,
  /^(\d+) uncaught exceptions?$/m,
  /^(\d+) tests? remained pending after a timeout$/m,
];

/**
 * `N passed, N failed` and, where there are any, `, N skipped`: the line that CI reads, from what ava printed.
 * A run that ava calls failed has at least one failure, also where no test has (no file found, a crash at import).
 */
export function closingLine(output: string, code: number): string {
  const text = stripVTControlCharacters(output)
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
  // The summary is what follows the last rule: tests may print such words as well.
  const summary = text.slice(text.lastIndexOf('\n─') + 1);
  const read = (pattern: RegExp): number => Number(pattern.exec(summary)?.[1] ?? 0);
  // ava's summary leaves the passed tests out when others failed: each has its line further up.
  const ticks = text.match(/^✔ (?!\[expected fail\])/gm)?.length ?? 0;
  const passed = read(/^(\d+) tests? passed$/m) || ticks;
  const failed = FAILURES.reduce((sum, pattern) => sum + read(pattern), 0);
  const skipped = read(/^(\d+) tests? skipped$/m);
  return `${passed} passed, ${Math.max(failed, code === 0 ? 0 : 1)} failed${skipped ? `, ${skipped} skipped` : ''}`;
}
