import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { AGENT_FLAGS, type AgentWords, withAgentWords } from '../agents/agent-flags.ts';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import type { Io } from '../io.ts';

const SUSPEND_FLAGS = {
  reason: {
    type: 'string',
    requiresArg: true,
    describe: 'Why, for whoever looks at the status (default: by whom and since when)',
  },
  ...AGENT_FLAGS,
} as const;

type RawFlags = InferredOptionTypes<typeof SUSPEND_FLAGS> & ConnectionFlags & AgentWords;
export type SuspendFlags = ArgumentsCamelCase<RawFlags>;

const SUSPEND = `Let an agent leave projects as they are

Neither new commits are applied nor drift is mended until "resume". What is
being applied is brought to its end. The reason is an annotation on the
ConfigMap of the project, and part of its status.

Exit codes: 0 done, 2 it could not be done.`;

const RESUME = `Let an agent go on with suspended projects

It brings them to the newest revision, and mends what has changed meanwhile.
What the configuration suspends (suspend: true) is resumed there.

Exit codes: 0 done, 2 it could not be done.`;

/** `suspend`: nothing is done for projects until they are resumed. */
export function suspendCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'suspend [agent] [project]',
    describe: 'Let an agent leave projects as they are',
    builder: (yargs) =>
      withConnectionFlags(
        withAgentWords(yargs).options(SUSPEND_FLAGS).group(Object.keys(SUSPEND_FLAGS), 'Flags:'),
      )
        .usage(`$0 suspend [AGENT] [PROJECT] [flags]\n\n${SUSPEND}`)
        .epilogue('Examples:\n  kubectl gitlab-agent suspend production shop --reason "a migration runs"'),
    handler: async (flags) => {
      const { runSuspend } = await import('../wishes/run-suspend.ts');
      finish(await runSuspend(flags, io));
    },
  };
}

type ResumeFlags = InferredOptionTypes<typeof AGENT_FLAGS> & ConnectionFlags & AgentWords;

/** `resume`: takes back `suspend`. */
export function resumeCommand(io: Io, finish: (code: number) => void): CommandModule<object, ResumeFlags> {
  return {
    command: 'resume [agent] [project]',
    describe: 'Let an agent go on with suspended projects',
    builder: (yargs) =>
      withConnectionFlags(
        withAgentWords(yargs).options(AGENT_FLAGS).group(Object.keys(AGENT_FLAGS), 'Flags:'),
      )
        .usage(`$0 resume [AGENT] [PROJECT] [flags]\n\n${RESUME}`)
        .epilogue('Examples:\n  kubectl gitlab-agent resume production shop'),
    handler: async (flags) => {
      const { runResume } = await import('../wishes/run-suspend.ts');
      finish(await runResume(flags, io));
    },
  };
}
