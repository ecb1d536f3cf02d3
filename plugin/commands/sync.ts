import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { AGENT_FLAGS, type AgentWords, withAgentWords } from '../agents/agent-flags.ts';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';

const SYNC_FLAGS = {
  wait: {
    type: 'boolean',
    default: false,
    describe: 'Wait until it is done and every object is healthy, or until it is sure that this will not be',
  },
  timeout: {
    type: 'string',
    requiresArg: true,
    describe: 'With --wait: how long to wait, all together, such as 90s, 5m (the default) or 1h30m',
  },
  'prune-allow': {
    type: 'string',
    requiresArg: true,
    describe: 'COMMIT that may delete whatever it leaves out, where a guard holds that back; of one project',
  },
  ...AGENT_FLAGS,
  color: PLAN_FLAGS.color,
} as const;

type RawFlags = InferredOptionTypes<typeof SYNC_FLAGS> & ConnectionFlags & AgentWords;
export type SyncFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Ask an agent for a pass now

The agent looks at the repository at once, applies what it finds there, and
mends what others have changed. The wish is an annotation on the ConfigMap of
the project; nothing else is sent to the agent. A suspended project is left
alone.

Exit codes: 0 asked; with --wait: 0 done, 1 applied but not healthy or
something held back, 2 something failed, or it could not be told in time.`;

const EXAMPLES = `Examples:
  # all projects of the only agent
  kubectl gitlab-agent sync

  # one project, followed to its end
  kubectl gitlab-agent sync production shop --wait

  # a commit that may delete more than the guards allow
  kubectl gitlab-agent sync production shop --prune-allow 1a2b3c4d`;

/** `sync`: a pass now. */
export function syncCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'sync [agent] [project]',
    describe: 'Ask an agent for a pass now',
    builder: (yargs) =>
      withConnectionFlags(withAgentWords(yargs).options(SYNC_FLAGS).group(Object.keys(SYNC_FLAGS), 'Flags:'))
        .usage(`$0 sync [AGENT] [PROJECT] [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runSync } = await import('../wishes/run-sync.ts');
      finish(await runSync(flags, io));
    },
  };
}
