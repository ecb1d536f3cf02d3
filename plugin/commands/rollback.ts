import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { AGENT_FLAGS, type AgentWords, withAgentWords } from '../agents/agent-flags.ts';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';
import { WAIT_FLAGS } from '../wait-flags.ts';

const ROLLBACK_FLAGS = {
  to: {
    type: 'string',
    requiresArg: true,
    describe:
      'Commit, or number of a sync in the history (default: the last that was synced before this one)',
  },
  yes: { alias: 'y', type: 'boolean', default: false, describe: 'Do it without asking' },
  wait: {
    type: 'boolean',
    default: false,
    describe: 'Wait until the agent is there, and every object healthy; a terminal failure ends it at once',
  },
  timeout: WAIT_FLAGS.timeout,
  ...AGENT_FLAGS,
  'secret-path': PLAN_FLAGS['secret-path'],
  color: PLAN_FLAGS.color,
} as const;

type RawFlags = InferredOptionTypes<typeof ROLLBACK_FLAGS> & ConnectionFlags & AgentWords;
export type RollbackFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Point an agent at an earlier commit, through Git

Shows what that would change, asks, and then sets ref.commit of the project in
the agent's config.yaml: one commit on the default branch of the configuration
project, pushed with your own Git credentials. Where those may not push, the
same is done through GitLab's API with your token, if there is one: GITLAB_TOKEN
(scope api; it is for GITLAB_HOST, as glab has it) or glab's login. Comments and
layout of the file stay. Where neither may it says what to write by hand.

The agent goes there when it polls its configuration next: --wait waits for it.
New commits of the branch count again once ref names it, or is gone.

Exit codes: 0 done, or nothing to do, 1 not wanted, or with --wait not healthy,
2 it could not be done.`;

const EXAMPLES = `Examples:
  kubectl gitlab-agent rollback production shop --wait

  # to a sync of the history, in a script
  kubectl gitlab-agent rollback production shop --to 3 --yes`;

/** `rollback`: the agent is pointed at an earlier commit. */
export function rollbackCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'rollback [agent] [project]',
    describe: 'Point an agent at an earlier commit, through Git',
    builder: (yargs) =>
      withConnectionFlags(
        withAgentWords(yargs).options(ROLLBACK_FLAGS).group(Object.keys(ROLLBACK_FLAGS), 'Flags:'),
      )
        .usage(`$0 rollback [AGENT] [PROJECT] [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runRollback } = await import('../rollback/run-rollback.ts');
      finish(await runRollback(flags, io));
    },
  };
}
