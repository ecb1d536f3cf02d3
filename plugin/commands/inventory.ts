import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { type AgentWords, withAgentWords } from '../agents/agent-flags.ts';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';
import { CHOICE_FLAGS } from '../set-flags.ts';

const INVENTORY_FLAGS = {
  ...CHOICE_FLAGS,
  output: {
    alias: 'o',
    choices: ['table', 'json', 'yaml', 'name'] as const,
    default: 'table' as const,
    describe: 'How to print the members',
  },
  color: PLAN_FLAGS.color,
} as const;

type RawFlags = InferredOptionTypes<typeof INVENTORY_FLAGS> & ConnectionFlags & AgentWords;
export type InventoryFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `List the members of an apply set, or of an agent's project

Each with its health and the file and line that it came from, and whether it is
as it was applied: missing, without the label of the set, with a label that
somebody else wrote, or no longer in the manifests.

Exit codes: 0 all are there as applied, 1 something is not, 2 something could
not be told.`;

const EXAMPLES = `Examples:
  # the set of the context's namespace
  kubectl gitlab-agent inventory

  # a project of an agent
  kubectl gitlab-agent inventory production shop

  # the names only, for other commands
  kubectl gitlab-agent inventory --applyset shop/shop -o name`;

/** `inventory`: the members of an apply set. */
export function inventoryCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'inventory [agent] [project]',
    describe: 'List the members of an apply set',
    builder: (yargs) =>
      withConnectionFlags(
        withAgentWords(yargs).options(INVENTORY_FLAGS).group(Object.keys(INVENTORY_FLAGS), 'Flags:'),
      )
        .usage(`$0 inventory [AGENT] [PROJECT] [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runInventory } = await import('../inventory/run-inventory.ts');
      finish(await runInventory(flags, io));
    },
  };
}
