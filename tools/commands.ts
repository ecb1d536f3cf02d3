/**
 * Writes docs/commands.md from what `--help` prints, command by command. With `--check` it writes nothing and fails
 * where the page is not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCli } from '../plugin/cli.ts';
import type { Io } from '../plugin/io.ts';
import { listedCommands } from './listed-commands.ts';

const INTRO = `# Commands

<!-- Written by tools/commands.ts from what --help prints: change it there. -->

Each of these is what \`kubectl gitlab-agent COMMAND --help\` prints. The flags of the connection are kubectl's own and
the same for every command that speaks to a cluster: they stand at the end.
`;

/** The help of a command, as it is printed in a terminal of 80 columns. */
async function help(...command: string[]): Promise<string> {
  let text = '';
  // Help asks for nothing but its width.
  const out = (more: string): void => {
    text += more;
  };
  const io = { columns: 80, out } as unknown as Io;
  await runCli([...command, '--help'], io);
  return text.trimEnd();
}

async function sections(...parents: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of listedCommands(await help(...parents), ...parents)) {
    const text = await help(...parents, name);
    const [own] = split(text);
    found.push(`## ${[...parents, name].join(' ')}\n\n\`\`\`text\n${own}\n\`\`\`\n`);
    found.push(...(await sections(...parents, name)));
  }
  return found;
}

/** A help text without the flags of the connection, and those. */
function split(text: string): [own: string, connection: string] {
  const connection = /^Connection:\n(?:.+\n?)*\n?/m.exec(text)?.[0] ?? '';
  return [text.replace(connection, '').trimEnd(), connection.trimEnd()];
}

async function page(): Promise<string> {
  const [, connection] = split(await help('diff'));
  return [INTRO, ...(await sections()), `## Connection\n\n\`\`\`text\n${connection}\n\`\`\`\n`].join('\n');
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const file = join(dirname(import.meta.dirname), 'docs', 'commands.md');
const text = await page();
if (!values.check) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write('docs/commands.md is not what --help prints: npm run reference\n');
  process.exitCode = 1;
}
