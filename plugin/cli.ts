import yargs, { type Argv, type Options } from 'yargs';
import { ProblemError } from '../core/model/problem.ts';
import { separateShortValues } from './arguments.ts';
import { APPLY_FLAGS, applyCommand } from './commands/apply.ts';
import { BOOTSTRAP_FLAGS, bootstrapCommand } from './commands/bootstrap.ts';
import { completionCommand } from './commands/completion.ts';
import { configCommand, EDIT_FLAGS } from './commands/config.ts';
import { credentialCommand } from './commands/credential.ts';
import { DIFF_FLAGS, diffCommand } from './commands/diff.ts';
import { EXPLAIN_FLAGS, explainCommand } from './commands/explain.ts';
import { healthCommand } from './commands/health.ts';
import { helpCommand } from './commands/help.ts';
import { historyCommand } from './commands/history.ts';
import { INSTALL_FLAGS, installCommand } from './commands/install.ts';
import { inventoryCommand } from './commands/inventory.ts';
import { kubeconfigCommand } from './commands/kubeconfig.ts';
import { logsCommand } from './commands/logs.ts';
import { registerCommand } from './commands/register.ts';
import { rollbackCommand } from './commands/rollback.ts';
import { statusCommand } from './commands/status.ts';
import { resumeCommand, suspendCommand } from './commands/suspend.ts';
import { syncCommand } from './commands/sync.ts';
import { uninstallCommand } from './commands/uninstall.ts';
import { versionCommand } from './commands/version.ts';
import { waitCommand } from './commands/wait.ts';
import type { CommandDefinition } from './completion/definitions.ts';
import { CONNECTION_FLAGS } from './connection-flags.ts';
import type { Io } from './io.ts';
import { usageProblem } from './usage.ts';

const MAX_WIDTH = 110;

const EXAMPLES = `Examples:
  # what a directory of manifests would change in the cluster
  kubectl gitlab-agent diff -R -f deploy/

  # the agents, and why something is not well
  kubectl gitlab-agent status -o tree

  # the words that all of this uses; what to do about a symptom
  kubectl gitlab-agent help concepts
  kubectl gitlab-agent help troubleshooting`;

/** Every name under which yargs hands over a flag that may be given more than once. */
const REPEATABLE = new Set([
  '_',
  'object',
  'about',
  ...[
    APPLY_FLAGS,
    DIFF_FLAGS,
    EXPLAIN_FLAGS,
    INSTALL_FLAGS,
    BOOTSTRAP_FLAGS,
    EDIT_FLAGS,
    CONNECTION_FLAGS,
  ].flatMap(repeatableNames),
]);

/** Parses the arguments, runs one command and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let code = 0;
  const finish = (result: number): void => {
    code = result;
  };
  if (argv[0] === '__complete') {
    const { runComplete } = await import('./completion/run-complete.ts');
    return await runComplete(await definitions(io), argv.slice(1), io);
  }
  // yargs takes the word help at the end for a question about what stands before it.
  const isAboutHelp = argv.length === 2 && argv[0] === 'help' && /^(--help|-h)$/.test(argv[1]!);
  const spelt = isAboutHelp ? ['help', 'help'] : separateShortValues(argv);
  const named = yargs()
    .scriptName('kubectl gitlab-agent')
    .usage('$0 COMMAND\n\nSee what GitOps will do to a cluster, what it did, and why.')
    .epilogue(EXAMPLES);
  const cli = withCommands(named, io, finish)
    .middleware(lastOfEach)
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
    .updateStrings({ 'Options:': 'Help:' })
    .wrap(Math.min(io.columns, MAX_WIDTH))
    .exitProcess(false)
    .fail((message, error) => {
      throw error && error.name !== 'YError' ? error : new ProblemError(usageProblem(message, spelt));
    });
  // Without a callback yargs would print help by itself, to wherever it likes.
  await cli.parseAsync(spelt, {}, (_error, _arguments, output) => {
    if (output) io.out(`${output}\n`);
  });
  return code;
}

/** All commands with their flags, as data. */
async function definitions(io: Io): Promise<CommandDefinition> {
  const { definitionsOf } = await import('./completion/definitions.ts');
  return definitionsOf('', (listener) => withCommands(listener, io, () => {}));
}

/** Says every command to yargs, or to whoever listens in its place. */
function withCommands(cli: Argv, io: Io, finish: (code: number) => void): Argv {
  return cli
    .command(applyCommand(io, finish))
    .command(bootstrapCommand(io, finish))
    .command(completionCommand(io, finish))
    .command(configCommand(io, finish))
    .command(credentialCommand(io, finish))
    .command(diffCommand(io, finish))
    .command(explainCommand(io, finish))
    .command(healthCommand(io, finish))
    .command(
      helpCommand(io, finish, {
        commands: async () => (await definitions(io)).commands.map(({ name }) => name),
        helpOf: (words) => runCli([...words, '--help'], io),
      }),
    )
    .command(historyCommand(io, finish))
    .command(installCommand(io, finish))
    .command(inventoryCommand(io, finish))
    .command(kubeconfigCommand(io, finish))
    .command(logsCommand(io, finish))
    .command(registerCommand(io, finish))
    .command(resumeCommand(io, finish))
    .command(rollbackCommand(io, finish))
    .command(statusCommand(io, finish))
    .command(suspendCommand(io, finish))
    .command(syncCommand(io, finish))
    .command(uninstallCommand(io, finish))
    .command(versionCommand(io, finish))
    .command(waitCommand(io, finish));
}

/** Of a flag that is given twice the last one counts, as in kubectl. */
function lastOfEach(flags: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(flags)) {
    if (Array.isArray(value) && !REPEATABLE.has(name)) flags[name] = value.at(-1);
  }
}

function repeatableNames(flags: Readonly<Record<string, Options>>): string[] {
  return Object.entries(flags)
    .filter(([, { array }]) => array)
    .flatMap(([name, { alias = [] }]) => [
      name,
      name.replace(/-(.)/g, (_dash, letter) => letter.toUpperCase()),
      alias,
    ])
    .flat();
}
