import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import type { Io } from '../io.ts';

export const DIFF_FLAGS = {
  filename: {
    alias: 'f',
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'File, directory, glob, or - for stdin; repeatable',
  },
  kustomize: { alias: 'k', type: 'string', requiresArg: true, describe: 'Kustomization directory to build' },
  recursive: { alias: 'R', type: 'boolean', default: false, describe: 'Descend into the directories of -f' },
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
  'ignore-file': {
    type: 'string',
    requiresArg: true,
    describe: 'YAML file with rules for fields that are left to others',
  },
  'secret-path': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'KIND[.GROUP]:PATH whose values are never printed, such as ConfigMap:data.token; repeatable',
  },
  color: {
    choices: ['auto', 'always', 'never'] as const,
    default: 'auto' as const,
    describe: 'Colour the output',
  },
} as const;

type RawFlags = InferredOptionTypes<typeof DIFF_FLAGS> & ConnectionFlags;
export type DiffFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Show what an apply would change

Compares manifests with the live cluster: what would be created, changed or replaced, with the values that the
API server would store. What could not be told is unknown, is printed first, and hides nothing else.

Exit codes: 0 no difference, 1 differences, 2 something is unknown or failed.`;

/** `diff`: reads the manifests, plans against the cluster (or another revision) and prints the plan. */
export function diffCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'diff',
    describe: 'Show what an apply would change',
    builder: (yargs) =>
      withConnectionFlags(yargs)
        .usage(`$0 diff -f PATH [flags]\n\n${DESCRIPTION}`)
        .options(DIFF_FLAGS)
        .example('$0 diff -f deploy/ -R', 'a directory and what is below it')
        .example("$0 diff -f 'apps/**/*.yaml' -n shop", 'a glob')
        .example('helm template shop chart/ | $0 diff -f -', 'standard input')
        .example('$0 diff -k overlays/production', 'a kustomization')
        .example('$0 diff -f deploy/ --rev v1.4.0', 'what a release wants')
        .example('$0 diff -f deploy/ --rev main..HEAD -o markdown', 'two revisions, without a cluster'),
    handler: async (flags) => {
      const { runDiff } = await import('../diff/run.ts');
      finish(await runDiff(flags, io));
    },
  };
}
