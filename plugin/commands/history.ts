import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { type AgentWords, withAgentWords } from '../agents/agent-flags.ts';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';
import { CHOICE_FLAGS } from '../set-flags.ts';

const HISTORY_FLAGS = {
  ...CHOICE_FLAGS,
  output: {
    alias: 'o',
    choices: ['table', 'json', 'yaml'] as const,
    default: 'table' as const,
    describe: 'How to print the syncs',
  },
  color: PLAN_FLAGS.color,
} as const;

type RawFlags = InferredOptionTypes<typeof HISTORY_FLAGS> &
  ConnectionFlags &
  AgentWords & { sync?: string | undefined };
export type HistoryFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Show the last syncs of an apply set, or of an agent's project

Its parent ConfigMap keeps the last 20 runs that changed something or ended
otherwise than the one before: when, which revision, how it ended, what it did
and who did it. With a number of the table, or the beginning of a revision, all
that is kept of that one.

Exit codes: 0 shown, 2 there is no such set or sync.`;

const EXAMPLES = `Examples:
  # the set of the context's namespace
  kubectl gitlab-agent history

  # a project of an agent
  kubectl gitlab-agent history production shop

  # a set by its name, and what its newest sync changed
  kubectl gitlab-agent history 1 -n shop --applyset shop`;

/** `history`: what was done to an apply set, and by whom. */
export function historyCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'history [agent] [project] [sync]',
    describe: 'Show the last syncs of an apply set',
    builder: (yargs) =>
      withConnectionFlags(
        withAgentWords(yargs)
          .positional('sync', { type: 'string', describe: 'Number of a sync, or its revision' })
          .options(HISTORY_FLAGS)
          .group(Object.keys(HISTORY_FLAGS), 'Flags:'),
      )
        .usage(`$0 history [AGENT] [PROJECT] [N|REVISION] [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runHistory } = await import('../history/run-history.ts');
      finish(await runHistory(flags, io));
    },
  };
}
