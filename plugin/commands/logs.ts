import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { LEVELS } from '../../core/model/log-level.ts';
import { AGENT_FLAGS } from '../agents/agent-flags.ts';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';

const LOGS_FLAGS = {
  follow: {
    alias: 'f',
    type: 'boolean',
    default: false,
    describe: 'Go on as lines come, and with the next leader where another Pod takes over',
  },
  project: {
    type: 'string',
    requiresArg: true,
    describe: 'Only lines of this manifest project: its path, the end of it, or the name of its entry',
  },
  level: { choices: LEVELS, describe: 'Only lines of this level and above' },
  since: { type: 'string', requiresArg: true, describe: 'Only lines that are younger: 30s, 15m, 2h' },
  tail: { type: 'number', requiresArg: true, describe: 'Only the last so many lines (default: all)' },
  previous: {
    alias: 'p',
    type: 'boolean',
    default: false,
    describe: 'The log of the run before the container was restarted',
  },
  output: {
    alias: 'o',
    choices: ['text', 'json'] as const,
    default: 'text' as const,
    describe: 'A line for people, or lines as the agent writes them: one JSON object each',
  },
  ...AGENT_FLAGS,
  color: PLAN_FLAGS.color,
} as const;

type RawFlags = InferredOptionTypes<typeof LOGS_FLAGS> & ConnectionFlags & { agent?: string | undefined };
export type LogsFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Show the log of an agent: that of the Pod that leads

Several replicas may run, of which one does the work: it is found by the agent's
Lease. Where nobody leads, the log of the last one that did is shown if its Pod
is still there, else that of the agent's newest Pod. Lines that are not the
agent's own, such as a crash of its runtime, are shown as they are, unless
--project chooses.

It needs the rights to get Leases, Pods and pods/log in the agent's namespace,
to list Pods where nobody leads, and with -f to list and watch Leases.

Exit codes: 0 shown, 2 there is no agent, no log, or no right to it.`;

const EXAMPLES = `Examples:
  # what the agent says of one project, as it comes
  kubectl gitlab-agent logs production --project shop -f

  # what went wrong in the last hour
  kubectl gitlab-agent logs --since 1h --level warn

  # why it was restarted
  kubectl gitlab-agent logs -p --tail 20`;

/** `logs`: the log of the agent that leads. */
export function logsCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'logs [agent]',
    describe: 'Show the log of an agent: that of the Pod that leads',
    builder: (yargs) =>
      withConnectionFlags(
        yargs
          .positional('agent', { type: 'string', describe: 'Name of an agent, or NAMESPACE/NAME' })
          .options(LOGS_FLAGS)
          .group(Object.keys(LOGS_FLAGS), 'Flags:'),
      )
        .usage(`$0 logs [AGENT] [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runLogs } = await import('../logs/run-logs.ts');
      finish(await runLogs(flags, io));
    },
  };
}
