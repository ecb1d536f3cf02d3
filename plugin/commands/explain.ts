import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { INPUT_FLAGS, PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';
import { CHOICE_FLAGS } from '../set-flags.ts';

export const EXPLAIN_FLAGS = {
  applyset: {
    ...CHOICE_FLAGS.applyset,
    describe: '[NAMESPACE/]NAME of its set; found by the labels of the object where it is left out',
  },
  ...INPUT_FLAGS,
  rev: { type: 'string', requiresArg: true, describe: 'Read the paths at a Git revision' },
  output: {
    alias: 'o',
    choices: ['text', 'json', 'yaml'] as const,
    default: 'text' as const,
    describe: 'How to print it',
  },
  ...PLAN_FLAGS,
} as const;

type RawFlags = InferredOptionTypes<typeof EXPLAIN_FLAGS> &
  ConnectionFlags & { object?: string[] | undefined };
export type ExplainFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Tell where an object comes from, and why it is as it is

Which apply set it belongs to, which file, line and revision it came from, who
owns which of its fields, why the last sync did not make it as wanted, and why
it is not well. With -f or -k also what an apply of those manifests would do to
it. The object is named as for kubectl get.

Exit codes: 0 it is as wanted and well, 1 it is not, 2 something could not be
told.`;

const EXAMPLES = `Examples:
  kubectl gitlab-agent explain deploy/web -n shop

  # what the manifests want of it, too
  kubectl gitlab-agent explain deployments.apps web -n shop -R -f deploy/`;

/** `explain`: all that is known of one object. */
export function explainCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'explain [object..]',
    describe: 'Tell where an object comes from, and why it is as it is',
    builder: (yargs) =>
      withConnectionFlags(
        yargs
          .positional('object', { type: 'string', array: true, describe: 'KIND/NAME, or KIND NAME' })
          .options(EXPLAIN_FLAGS)
          .group(Object.keys(EXPLAIN_FLAGS), 'Flags:'),
      )
        .usage(`$0 explain KIND/NAME [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES) as never,
    handler: async (flags) => {
      const { runExplain } = await import('../explain/run-explain.ts');
      finish(await runExplain(flags, io));
    },
  };
}
