import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';

const FOLDER = new URL('./golden/', import.meta.url);

/** Compares printed output with a golden file. `UPDATE_GOLDEN=1` writes the files anew: read the diff. */
export function matchesGolden(t: ExecutionContext, file: string, actual: string): void {
  const url = new URL(file, FOLDER);
  if (process.env.UPDATE_GOLDEN === '1') {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(url, actual);
  }
  t.is(actual, readFileSync(url, 'utf8'));
}
