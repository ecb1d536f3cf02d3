import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';
import { INSTALLATION_FLAGS, TOKEN_FLAGS } from './install.ts';

const REGISTER_FLAGS = {
  'config-project': INSTALLATION_FLAGS['config-project'],
  'gitlab-url': INSTALLATION_FLAGS['gitlab-url'],
  ...TOKEN_FLAGS,
  list: { type: 'boolean', default: false, describe: 'List the tokens of the agent, and change nothing' },
  rotate: {
    type: 'boolean',
    default: false,
    describe: 'Make a new token, put it into the Secret, then revoke the one that was there',
  },
  revoke: { type: 'number', requiresArg: true, describe: 'Revoke the token with this number' },
  print: {
    type: 'boolean',
    default: false,
    describe: 'Print the new token to stdout, once, instead of writing the Secret: no cluster is needed',
  },
  color: PLAN_FLAGS.color,
} as const;

type RawFlags = InferredOptionTypes<typeof REGISTER_FLAGS> & ConnectionFlags & { agent?: string | undefined };
export type RegisterFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Register an agent in GitLab, with a token for an agent server

Makes the agent record in the configuration project and an agent token, and
writes the token to the Secret gitlab-agent-token. What is there already is
kept: run again it does nothing. An agent has at most two tokens that are good.
Only an agent server needs the token; syncing does not.

Exit codes: 0 done, 2 something failed.`;

const EXAMPLES = `Examples:
  # the record and the Secret, with the token of GITLAB_TOKEN
  kubectl gitlab-agent register production --config-project group/agents \\
    --gitlab-url https://gitlab.example.com

  # its tokens; another one in the place of that in the Secret
  export GITLAB_HOST=gitlab.example.com
  kubectl gitlab-agent register production --config-project group/agents --list
  kubectl gitlab-agent register production --config-project group/agents \\
    --rotate`;

/** `register`: the agent record and its token. */
export function registerCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'register [agent]',
    describe: 'Register an agent in GitLab, with a token for an agent server',
    builder: (yargs) =>
      withConnectionFlags(
        yargs
          .positional('agent', { type: 'string', describe: 'Name of the agent: a DNS label' })
          .options(REGISTER_FLAGS)
          .group(Object.keys(REGISTER_FLAGS), 'Flags:'),
      )
        .usage(`$0 register AGENT [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runRegister } = await import('../register/run-register.ts');
      finish(await runRegister(flags, io));
    },
  };
}
