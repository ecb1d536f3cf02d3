import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import type { Io } from '../io.ts';
import { INSTALL_FLAGS, INSTALLATION_FLAGS, TOKEN_FLAGS } from './install.ts';

const { 'agent-name': _name, wait: _wait, ...SETTINGS } = INSTALLATION_FLAGS;

export const BOOTSTRAP_FLAGS = {
  project: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'Path of a project with manifests, for a new config.yaml; repeatable',
  },
  'default-namespace': {
    type: 'string',
    requiresArg: true,
    describe: 'For a new config.yaml: the namespace of objects that name none',
  },
  ...SETTINGS,
  ...TOKEN_FLAGS,
  'token-file': INSTALL_FLAGS['token-file'],
  'git-token-file': INSTALL_FLAGS['git-token-file'],
  'git-username': INSTALL_FLAGS['git-username'],
  'api-token-file': INSTALL_FLAGS['api-token-file'],
} as const;

type RawFlags = InferredOptionTypes<typeof BOOTSTRAP_FLAGS> &
  ConnectionFlags & { agent?: string | undefined };
export type BootstrapFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `From nothing to a cluster that follows a repository

Commits the agent's config.yaml where there is none, makes the agent record, and
a deploy token for each project that is read (unless one is handed over), asks
for a token for reporting, installs the agent and waits until all is synced and
healthy. What is there already is kept: it can be run again at any point.

With --kas-address (or --server, with such a scheme) the agent connects to an
agent server, and no Git credential gets into the cluster: it gets the token of
--token-file, or one that GitLab is asked for.

Exit codes: 0 synced and healthy, 1 it is not, 2 something failed.`;

const EXAMPLES = `Examples:
  # with your own token in GITLAB_TOKEN
  kubectl gitlab-agent bootstrap production --config-project group/agents \\
    --project group/shop --gitlab-url https://gitlab.example.com \\
    --image registry.example.com/gitlab-agent:0.1.0 --rbac=generated

  # an agent that connects to an agent server
  kubectl gitlab-agent bootstrap production --config-project group/agents \\
    --project group/shop --gitlab-url https://gitlab.example.com \\
    --image registry.example.com/gitlab-agent:0.1.0 \\
    --server wss://kas.example.com`;

/** `bootstrap`: the configuration, the record, the tokens and the agent, in one go. */
export function bootstrapCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'bootstrap [agent]',
    describe: 'From nothing to a cluster that follows a repository',
    builder: (yargs) =>
      withConnectionFlags(
        yargs
          .positional('agent', { type: 'string', describe: 'Name of the agent: a DNS label' })
          .options(BOOTSTRAP_FLAGS)
          .group(Object.keys(BOOTSTRAP_FLAGS), 'Flags:'),
      )
        .usage(`$0 bootstrap AGENT [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runBootstrap } = await import('../bootstrap/run-bootstrap.ts');
      finish(await runBootstrap(flags, io));
    },
  };
}
