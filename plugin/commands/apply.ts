import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { INPUT_FLAGS, PLAN_FLAGS, TERM_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';
import { SET_FLAGS } from '../set-flags.ts';
import { WAIT_FLAGS } from '../wait-flags.ts';

export const APPLY_FLAGS = {
  ...INPUT_FLAGS,
  rev: { type: 'string', requiresArg: true, describe: 'Read the paths at a Git revision' },
  'dry-run': {
    type: 'string',
    describe: 'Show the plan and write nothing; =server means the same',
  },
  preflight: {
    type: 'boolean',
    default: false,
    describe: 'Have the API server check every object first; write nothing where one can not be told',
  },
  plan: {
    type: 'string',
    requiresArg: true,
    describe: 'File of "diff -o plan": do exactly that, on its terms, or nothing; FILE.key is its key',
  },
  ...TERM_FLAGS,
  ...SET_FLAGS,
  ...WAIT_FLAGS,
  output: {
    alias: 'o',
    choices: ['text', 'json', 'yaml', 'name'] as const,
    default: 'text' as const,
    describe: 'How to print what was done',
  },
  ...PLAN_FLAGS,
} as const;

type RawFlags = InferredOptionTypes<typeof APPLY_FLAGS> & ConnectionFlags;
export type ApplyFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Bring the cluster to what the manifests say

Carries out the plan that "diff" shows, and writes only what differs. Order:
Namespaces and CRDs first, webhooks last; argocd.argoproj.io/sync-wave and
config.kubernetes.io/depends-on are followed. An object that fails stops only
those that need it. Ctrl-C stops between objects and reports. With --applyset
the objects are members of a set; --prune deletes those that left it. With
--wait it ends when all are healthy, and what is in an earlier wave or named
in depends-on must be healthy before what comes after it is written.

Exit codes: 0 done, 1 something was held back or is not healthy, 2 something
failed; with --dry-run those of diff.`;

const EXAMPLES = `Examples:
  # a directory and what is below it; first only the plan
  kubectl gitlab-agent apply -R -f deploy/ --dry-run
  kubectl gitlab-agent apply -R -f deploy/

  # a release, into another namespace than the context's
  kubectl gitlab-agent apply -R -f deploy/ --rev v1.4.0 -n shop

  # all or nothing, as far as the API server can tell beforehand
  kubectl gitlab-agent apply -k overlays/production --preflight

  # a set: what left the directory is deleted, too
  kubectl gitlab-agent apply -R -f deploy/ --applyset shop --prune

  # what Flux applied until now: fields that left the manifests go
  kubectl gitlab-agent apply -R -f deploy/ --take-over kustomize-controller

  # exactly the plan that was approved, from the same inputs, or nothing
  kubectl gitlab-agent diff -R -f deploy/ --applyset shop --prune \\
    -o plan --out plan.json
  kubectl gitlab-agent apply -R -f deploy/ --plan plan.json

  # and wait until it runs, or tell why it does not
  kubectl gitlab-agent apply -R -f deploy/ --wait --timeout 2m

  # leave to others what others changed
  kubectl gitlab-agent apply -f web.yaml --conflicts=keep`;

/** `apply`: reads the manifests, plans, and carries the plan out. */
export function applyCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'apply',
    describe: 'Bring the cluster to what the manifests say',
    builder: (yargs) =>
      withConnectionFlags(yargs.options(APPLY_FLAGS).group(Object.keys(APPLY_FLAGS), 'Flags:'))
        .usage(`$0 apply (-f PATH | -k DIRECTORY) [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runApply } = await import('../apply/run-apply.ts');
      finish(await runApply(flags, io));
    },
  };
}
