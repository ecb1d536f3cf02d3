import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { AGENT_FLAGS, type AgentWords, withAgentWords } from '../agents/agent-flags.ts';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';

const WAIT_COMMAND_FLAGS = {
  commit: {
    type: 'string',
    requiresArg: true,
    describe: 'Commit to wait for; one that contains it will do. Without it: whatever is wanted by now',
  },
  timeout: {
    type: 'string',
    requiresArg: true,
    describe: 'How long to wait, all together, such as 90s, 5m (the default) or 1h30m',
  },
  ...AGENT_FLAGS,
  color: PLAN_FLAGS.color,
} as const;

type RawFlags = InferredOptionTypes<typeof WAIT_COMMAND_FLAGS> & ConnectionFlags & AgentWords;
export type WaitCommandFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Wait until a commit is synced and healthy

Looks at what is there before it watches, and ends at once where waiting makes
no sense: something failed, the project is suspended, or a revision without the
commit came after it. Whether one commit contains another is asked of the clone
in the working directory, else of the repository, with your own Git
credentials.

Exit codes: 0 synced and healthy, 1 it is not, 2 it can't be told.`;

const EXAMPLES = `Examples:
  # in a clone of the manifest project, after a push
  kubectl gitlab-agent wait production shop --commit HEAD

  # all projects, with whatever they want by now
  kubectl gitlab-agent wait production --timeout 10m`;

/** `wait`: until a commit is synced and healthy. */
export function waitCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'wait [agent] [project]',
    describe: 'Wait until a commit is synced and healthy',
    builder: (yargs) =>
      withConnectionFlags(
        withAgentWords(yargs).options(WAIT_COMMAND_FLAGS).group(Object.keys(WAIT_COMMAND_FLAGS), 'Flags:'),
      )
        .usage(`$0 wait [AGENT] [PROJECT] [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runWait } = await import('../wait/run-wait.ts');
      finish(await runWait(flags, io));
    },
  };
}
