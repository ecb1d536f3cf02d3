import yargs from 'yargs';
import { type Problem, ProblemError } from '../core/model/problem.ts';
import { separateShortValues } from './arguments.ts';
import { diffCommand } from './commands/diff.ts';
import { versionCommand } from './commands/version.ts';
import type { Io } from './io.ts';

const MAX_WIDTH = 110;

/** Parses the arguments, runs one command and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let code = 0;
  const finish = (result: number): void => {
    code = result;
  };
  const cli = yargs()
    .scriptName('kubectl gitlab-agent')
    .usage('$0 COMMAND\n\nSee what GitOps will do to a cluster, what it did, and why.')
    .command(diffCommand(io, finish))
    .command(versionCommand(io, finish))
    .demandCommand(1, 'say what to do')
    .strict()
    .recommendCommands()
    .parserConfiguration({
      'duplicate-arguments-array': true,
      'boolean-negation': false,
      'populate--': false,
    })
    .version(false)
    .help()
    .alias('help', 'h')
    .wrap(Math.min(io.columns, MAX_WIDTH))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new ProblemError(usageProblem(message));
    });
  // Without a callback yargs would print help by itself, to wherever it likes.
  await cli.parseAsync(separateShortValues(argv), {}, (_error, _arguments, output) => {
    if (output) io.out(`${output}\n`);
  });
  return code;
}

function usageProblem(message: string): Problem {
  return {
    code: 'Usage',
    message: message.replaceAll('\n', ' '),
    hint: 'kubectl gitlab-agent --help lists commands and flags',
  };
}
