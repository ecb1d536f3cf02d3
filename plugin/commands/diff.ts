import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { AGENT_FLAGS, type AgentWords, withAgentWords } from '../agents/agent-flags.ts';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { INPUT_FLAGS, PLAN_FLAGS, TERM_FLAGS } from '../input-flags.ts';
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
    choices: ['unified', 'summary', 'json', 'yaml', 'markdown', 'name', 'plan'] as const,
    default: 'unified' as const,
    describe: 'How to print the plan; "plan" saves it for apply --plan',
  },
  out: {
    type: 'string',
    requiresArg: true,
    describe:
      'File for -o plan; its key is made beside it, in FILE.key, unless GITLAB_AGENT_PLAN_KEY has one',
  },
  full: {
    type: 'boolean',
    default: false,
    describe: 'Ask the API server about every object, proven unchanged or not',
  },
  ...TERM_FLAGS,
  ...SET_FLAGS,
  ...PLAN_FLAGS,
  ...AGENT_FLAGS,
} as const;

type RawFlags = InferredOptionTypes<typeof DIFF_FLAGS> & ConnectionFlags & AgentWords;
export type DiffFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Show what an apply would change

Compares manifests with the live cluster: what would be created, changed or
replaced, with the values that the API server would store. What could not be
told is "unknown", is printed first, and hides nothing else.

Without -f and -k it shows what agents would change now, at the revision that
they should run or at --rev: drift by object and field, with who wrote it and
when. Their repositories are read with your own Git credentials.

With -o plan the plan goes into a file that a person can read and approve, and
apply --plan carries out exactly that or nothing. No secret value is in it:
keyed digests stand for them. Who has FILE.key can carry the plan out and try
out secret values on it, so keep it from those who only read the plan.

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
  kubectl gitlab-agent diff -R -f deploy/ --rev main..HEAD -o markdown

  # what agents would change now; one project at another branch
  kubectl gitlab-agent diff
  kubectl gitlab-agent diff production shop --rev release-2

  # a plan to approve, and then to carry out as it is
  kubectl gitlab-agent diff -R -f deploy/ --applyset shop --prune \\
    -o plan --out plan.json
  kubectl gitlab-agent apply -R -f deploy/ --plan plan.json`;

/** `diff`: reads the manifests, plans against the cluster (or another revision) and prints the plan. */
export function diffCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'diff [agent] [project]',
    describe: 'Show what an apply would change',
    builder: (yargs) =>
      withConnectionFlags(withAgentWords(yargs).options(DIFF_FLAGS).group(Object.keys(DIFF_FLAGS), 'Flags:'))
        .usage(`$0 diff (-f PATH | -k DIRECTORY | [AGENT] [PROJECT]) [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runDiff } = await import('../diff/run-diff.ts');
      finish(await runDiff(flags, io));
    },
  };
}
