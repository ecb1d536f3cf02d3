/**
 * Writes what follows from the definitions of the charts' values: values.yaml, values.schema.json, the table in
 * README.md, and the version of package.json in Chart.yaml. With `--check` it writes nothing and fails where they are
 * not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { VERSION } from './bundle-options.ts';
import { AGENT_VALUES } from './charts/agent-values.ts';
import { SERVER_VALUES } from './charts/server-values.ts';
import type { Values } from './charts/value.ts';
import { valuesFile, valuesSchema, valuesTable } from './charts/write-values.ts';

const CHARTS: Record<string, Values> = {
  'gitlab-agent': AGENT_VALUES,
  'gitlab-agent-server': SERVER_VALUES,
};
const TABLE = /(?<=<!-- Values: tools\/charts\/\S+ -->\n)[\s\S]*?(?=<!-- End of the values -->)/;

const { values: flags } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const root = dirname(import.meta.dirname);
for (const [chart, values] of Object.entries(CHARTS)) {
  const directory = join('deploy', 'charts', chart);
  const source = `tools/charts/${chart === 'gitlab-agent' ? 'agent' : 'server'}-values.ts`;
  const files: Record<string, (before: string) => string> = {
    'Chart.yaml': (before) => before.replaceAll(/^((?:appV|v)ersion:) .*$/gm, `$1 ${VERSION}`),
    'values.yaml': () => valuesFile(values, source),
    'values.schema.json': () => `${JSON.stringify(valuesSchema(values, chart), null, 2)}\n`,
    'README.md': (before) => before.replace(TABLE, `\n${valuesTable(values)}\n`),
  };
  for (const [name, write] of Object.entries(files)) {
    const file = join(root, directory, name);
    const before = read(file);
    const after = write(before);
    if (!flags.check) writeFileSync(file, after);
    else if (before !== after) {
      process.stderr.write(`${join(directory, name)} is not what ${source} says: npm run reference\n`);
      process.exitCode = 1;
    }
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
