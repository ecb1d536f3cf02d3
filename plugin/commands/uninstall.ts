import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';
import { SET_FLAGS } from '../set-flags.ts';

const UNINSTALL_FLAGS = {
  keep: { type: 'boolean', default: false, describe: 'Leave what the agent synced as it is' },
  prune: { type: 'boolean', default: false, describe: 'Delete what the agent synced' },
  'prune-kinds': SET_FLAGS['prune-kinds'],
  yes: { alias: 'y', type: 'boolean', default: false, describe: 'Do not ask' },
  timeout: {
    type: 'string',
    requiresArg: true,
    default: '2m',
    describe: 'How long to wait until the agent has ended, such as 90s or 5m',
  },
  color: PLAN_FLAGS.color,
} as const;

type RawFlags = InferredOptionTypes<typeof UNINSTALL_FLAGS> & ConnectionFlags;
export type UninstallFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Remove the agent from a cluster

Deletes what install applied, and what the agent wrote of itself. What it synced
is kept (--keep) or deleted (--prune), once the agent has ended; the guards of
apply --prune hold back Namespaces, CRDs and volumes unless --prune-kinds names
them. What is kept stays known: a later install goes on from there. The
Namespace stays, and so does what is in GitLab.

Exit codes: 0 done, 1 something was held back, 2 something failed.`;

const EXAMPLES = `Examples:
  # asks whether to keep what was synced
  kubectl gitlab-agent uninstall

  # everything goes, the shop's Namespace and kinds, too
  kubectl gitlab-agent uninstall --prune --yes \\
    --prune-kinds Namespace,CustomResourceDefinition`;

/** `uninstall`: the opposite of `install`. */
export function uninstallCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'uninstall',
    describe: 'Remove the agent from a cluster',
    builder: (yargs) =>
      withConnectionFlags(yargs.options(UNINSTALL_FLAGS).group(Object.keys(UNINSTALL_FLAGS), 'Flags:'))
        .usage(`$0 uninstall [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runUninstall } = await import('../install/run-uninstall.ts');
      finish(await runUninstall(flags, io));
    },
  };
}
