import { TOPICS } from '../help/topics.ts';
import type { CommandDefinition } from './definitions.ts';

/** What may follow `help`: commands with those below them, and topics; none of their flags. */
export function helpWords(root: CommandDefinition): CommandDefinition {
  const topics = Object.entries(TOPICS).map(([name, describe]) => ({ ...NOTHING, name, describe }));
  const { commands } = wordsOnly(root);
  return { ...NOTHING, commands: [...commands, ...topics] };
}

const NOTHING: CommandDefinition = { name: '', describe: '', flags: [], positionals: [], commands: [] };

function wordsOnly({ name, describe, commands }: CommandDefinition): CommandDefinition {
  return { ...NOTHING, name, describe, commands: commands.map(wordsOnly) };
}
