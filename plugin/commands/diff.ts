import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { INPUT_FLAGS, PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';
import { SET_FLAGS } from '../set-flags.ts';

export const DIFF_FLAGS = {
  ...INPUT_FLAGS,
  rev: {
    type: 'string',
    requiresArg: true,
    describe:
      'Read the paths at a Git revision; A..B compares two revisions, A.. a revision with the work tree, without a cluster',
  },
  output: {
    alias: 'o',
    choices: ['unified', 'summary', 'json', 'yaml', 'markdown', 'name'] as const,
    default: 'unified' as const,
    describe: 'How to print the plan',
  },
  full: {
    type: 'boolean',
    default: false,
    describe: 'Ask the API server about every object, proven unchanged or not',
  },
  ...SET_FLAGS,
  ...PLAN_FLAGS,
} as const;

type RawFlags = InferredOptionTypes<typeof DIFF_FLAGS> & ConnectionFlags;
export type DiffFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Show what an apply would change

Compares manifests with the live cluster: what would be created, changed or
replaced, with the values that the API server would store. What could not be
told is "unknown", is printed first, and hides nothing else.

Exit codes: 0 no difference, 1 differences, 2 something is unknown or failed.`;

const EXAMPLES = `Examples:
  # a directory and what is below it
  kubectl gitlab-agent diff -R -f deploy/

  # a glob, into another namespace than the context's
  kubectl gitlab-agent diff -f 'apps/**/*.yaml' -n shop

  # standard input; a kustomization
  helm template shop chart/ | kubectl gitlab-agent diff -f -
  kubectl gitlab-agent diff -k overlays/production

  # what a release wants, against the cluster
  kubectl gitlab-agent diff -R -f deploy/ --rev v1.4.0

  # two revisions, without a cluster, for a merge request
  kubectl gitlab-agent diff -R -f deploy/ --rev main..HEAD -o markdown`;

/** `diff`: reads the manifests, plans against the cluster (or another revision) and prints the plan. */
export function diffCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'diff',
    describe: 'Show what an apply would change',
    builder: (yargs) =>
      withConnectionFlags(yargs.options(DIFF_FLAGS).group(Object.keys(DIFF_FLAGS), 'Flags:'))
        .usage(`$0 diff (-f PATH | -k DIRECTORY) [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runDiff } = await import('../diff/run-diff.ts');
      finish(await runDiff(flags, io));
    },
  };
}
