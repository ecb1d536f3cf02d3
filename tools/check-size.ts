// Start-up costs what is loaded for it: fails when the code behind the entry, `--help` or `diff` outgrows its budget.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const directory = join(dirname(import.meta.dirname), 'dist', 'plugin');

// In KB. Raise one only with a measurement of what the new code costs at start.
const BUDGET = { entry: 4, help: 256, diff: 445 };

/** Size in bytes of a file and all that it imports statically. */
function closure(file: string, seen = new Set<string>()): number {
  if (seen.has(file)) return 0;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  const imports = [
    ...text.matchAll(/^(?:import|\} from|export \{[^}]*\} from)\s*(?:[^'"\n]*from\s*)?["'](\.[^"']+)["']/gm),
  ];
  return (
    text.length + imports.reduce((sum, [, target]) => sum + closure(join(dirname(file), target!), seen), 0)
  );
}

const chunks = readdirSync(join(directory, 'chunks'));
const diff = chunks.find((name) => /^run-diff-.*\.js$/.test(name));
const sizes = {
  entry: readFileSync(join(directory, 'kubectl-gitlab_agent.cjs')).length,
  help: closure(join(directory, 'main.js')),
  diff: diff ? closure(join(directory, 'chunks', diff)) : Number.POSITIVE_INFINITY,
};
for (const [name, bytes] of Object.entries(sizes)) {
  const [size, budget] = [Math.ceil(bytes / 1024), BUDGET[name as keyof typeof BUDGET]];
  process.stdout.write(`${name}: ${size} KB of ${budget} KB\n`);
  if (size > budget) process.exitCode = 1;
}
