import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { AGENT_FLAGS, type AgentWords, withAgentWords } from '../agents/agent-flags.ts';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';

export const STATUS_FLAGS = {
  output: {
    alias: 'o',
    choices: ['table', 'wide', 'tree', 'json', 'yaml'] as const,
    default: 'table' as const,
    describe: 'How to print it; "tree" opens what is not well, down to Pods and events',
  },
  watch: {
    alias: 'w',
    type: 'boolean',
    default: false,
    describe: 'Go on showing it as it changes: in place on a terminal, else a line for each change',
  },
  'exit-code': {
    type: 'boolean',
    default: false,
    describe: 'Exit with 1 where something is not synced and healthy, with 2 where that can not be told',
  },
  ...AGENT_FLAGS,
  color: PLAN_FLAGS.color,
} as const;

type RawFlags = InferredOptionTypes<typeof STATUS_FLAGS> & ConnectionFlags & AgentWords;
export type StatusFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Show agents and what became of their manifest projects

Reads what agents write into the cluster: which revision is wanted and which is
applied, whether it is synced and healthy, and what keeps it from that. DRIFT
says when the agent last had to undo what somebody else had changed ("none":
never in the syncs it remembers, "?": nobody looks); diff shows it in full.

Exit codes: 0 shown; with --exit-code also 1 not synced and healthy, 2 it can't
be told. 2 there is no agent.`;

const EXAMPLES = `Examples:
  kubectl gitlab-agent status

  # why something is not well, as it changes
  kubectl gitlab-agent status production -o tree -w

  # in a script
  kubectl gitlab-agent status production shop --exit-code`;

/** `status`: agents and their manifest projects. */
export function statusCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'status [agent] [project]',
    describe: 'Show agents and what became of their manifest projects',
    builder: (yargs) =>
      withConnectionFlags(
        withAgentWords(yargs).options(STATUS_FLAGS).group(Object.keys(STATUS_FLAGS), 'Flags:'),
      )
        .usage(`$0 status [AGENT] [PROJECT] [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runStatus } = await import('../status/run-status.ts');
      finish(await runStatus(flags, io));
    },
  };
}
