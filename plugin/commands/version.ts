import type { CommandModule } from 'yargs';
import type { Io } from '../io.ts';

/** `version`. The plain form never gets here: `entry.ts` answers it without loading anything. */
export function versionCommand(
  io: Io,
  finish: (code: number) => void,
): CommandModule<object, { output?: string }> {
  return {
    command: 'version',
    describe: 'Print the version',
    builder: (yargs) =>
      yargs
        .option('output', { alias: 'o', choices: ['json', 'yaml'], describe: 'Print as JSON or YAML' })
        .epilogue('Examples:\n  # for programs\n  kubectl gitlab-agent version -o json'),
    handler: ({ output }) => {
      if (output === 'json') io.out(`${JSON.stringify({ version: io.version })}\n`);
      else if (output === 'yaml') io.out(`version: ${io.version}\n`);
      else io.out(`kubectl gitlab-agent v${io.version}\n`);
      finish(0);
    },
  };
}
