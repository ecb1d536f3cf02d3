import type { CommandModule } from 'yargs';
import type { Io } from '../io.ts';

const CONTEXT_FLAGS = {
  'config-project': {
    type: 'string',
    requiresArg: true,
    describe: 'Path of the project that holds the file: what entries without an id mean',
  },
  'gitlab-url': {
    type: 'string',
    requiresArg: true,
    describe: 'Address of GitLab, to tell its projects from repositories elsewhere',
  },
} as const;

/** What all of them take. */
export interface ConfigFlags {
  file?: string | undefined;
  configProject?: string | undefined;
  gitlabUrl?: string | undefined;
}

export const EDIT_FLAGS = {
  entry: {
    type: 'string',
    requiresArg: true,
    describe:
      'Name or project path of the entry that is meant; without it, keys count from the root of the file',
  },
  set: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'KEY=VALUE: the field, such as ref.branch, and its value as YAML on one line; repeatable',
  },
  unset: { type: 'string', array: true, nargs: 1, describe: 'KEY of a field to remove; repeatable' },
} as const;

/** What `config edit` takes. */
export type EditFlags = ConfigFlags & {
  entry?: string | undefined;
  set?: string[] | undefined;
  unset?: string[] | undefined;
};

const VALIDATE = `Check an agent's config.yaml

Prints every mistake with its place and what to do, and needs neither GitLab
nor a cluster. A directory stands for the configurations of all agents in it:
.gitlab/agents/*/config.yaml, or its own config.yaml.

Exit codes: 0 all is well, 2 something is wrong.`;

const SHOW = `Print an agent's config.yaml as it takes effect, with all defaults`;

const EDIT = `Set values in an agent's config.yaml

Writes the file in place, or from standard input to standard output (-).
Comments, quotes and layout stay as they are, and nothing but the named fields
changes: what would be broken, or change another field or entry with it, is
refused and the file left alone.

Exit codes: 0 done, 2 nothing was changed.`;

const VALIDATE_EXAMPLES = `  # in a pipeline of the configuration project
  kubectl gitlab-agent config validate .`;

const SHOW_EXAMPLES = `  # what an agent makes of a file
  kubectl gitlab-agent config show .gitlab/agents/production/config.yaml`;

const EDIT_EXAMPLES = `  # another branch and a longer interval for one entry
  kubectl gitlab-agent config edit .gitlab/agents/production/config.yaml \\
    --entry group/shop --set ref.branch=production --set interval=1h`;

const EXAMPLES = `Examples:\n${[VALIDATE_EXAMPLES, SHOW_EXAMPLES, EDIT_EXAMPLES].join('\n\n')}`;

/** `config validate`, `config show` and `config edit`: an agent's configuration file. */
export function configCommand(io: Io, finish: (code: number) => void): CommandModule {
  const command = (): Promise<typeof import('../config/run-config.ts')> => import('../config/run-config.ts');
  return {
    command: 'config',
    describe: 'Check, show or edit the configuration of an agent',
    builder: (yargs) =>
      yargs
        .command(
          'validate [file]',
          'Check a config.yaml: every mistake with its place',
          (sub) =>
            sub
              .positional('file', {
                type: 'string',
                demandOption: true,
                describe: 'File, directory, or - for stdin',
              })
              .options(CONTEXT_FLAGS)
              .group(Object.keys(CONTEXT_FLAGS), 'Flags:')
              .usage(`$0 config validate FILE|DIR|- [flags]\n\n${VALIDATE}`)
              .epilogue(`Examples:\n${VALIDATE_EXAMPLES}`),
          async (flags) => finish(await (await command()).validateConfig(flags, io)),
        )
        .command(
          'show [file]',
          'Print a config.yaml with all defaults',
          (sub) =>
            sub
              .positional('file', { type: 'string', describe: 'File, or - for stdin' })
              .options({
                output: {
                  alias: 'o',
                  choices: ['yaml', 'json'] as const,
                  default: 'yaml' as const,
                  describe: 'How to print it',
                },
                ...CONTEXT_FLAGS,
              })
              .group(['output', ...Object.keys(CONTEXT_FLAGS)], 'Flags:')
              .usage(`$0 config show FILE|- [flags]\n\n${SHOW}`)
              .epilogue(`Examples:\n${SHOW_EXAMPLES}`),
          async (flags) => finish(await (await command()).showConfig(flags, io)),
        )
        .command(
          'edit [file]',
          'Set values in a config.yaml',
          (sub) =>
            sub
              .positional('file', { type: 'string', describe: 'File, or - for stdin to stdout' })
              .options({ ...EDIT_FLAGS, ...CONTEXT_FLAGS })
              .group([...Object.keys(EDIT_FLAGS), ...Object.keys(CONTEXT_FLAGS)], 'Flags:')
              .usage(`$0 config edit FILE|- [flags]\n\n${EDIT}`)
              .epilogue(`Examples:\n${EDIT_EXAMPLES}`),
          async (flags) => finish(await (await import('../config/run-edit.ts')).editConfig(flags, io)),
        )
        .demandCommand(1, 'say what to do with the configuration')
        .usage('$0 config COMMAND\n\nThe configuration of an agent: docs/configuration.md has every field.')
        .epilogue(EXAMPLES),
    handler: () => undefined,
  };
}
