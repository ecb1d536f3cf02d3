import type { Argv, InferredOptionTypes } from 'yargs';

// Flags of the commands that look for agents.
export const AGENT_FLAGS = {
  'all-namespaces': {
    alias: 'A',
    type: 'boolean',
    default: false,
    describe: 'Look in all namespaces, whatever -n or the context says; where not said, -n restricts it',
  },
} as const;

export interface AgentWords {
  agent?: string | undefined;
  project?: string | undefined;
}

export type AgentFlags = InferredOptionTypes<typeof AGENT_FLAGS> & { allNamespaces?: boolean } & AgentWords;

/** `[AGENT] [PROJECT]`, as they are named everywhere. */
export function withAgentWords<T>(yargs: Argv<T>): Argv<T & AgentWords> {
  return yargs
    .positional('agent', { type: 'string', describe: 'Name of an agent, or NAMESPACE/NAME' })
    .positional('project', {
      type: 'string',
      describe: 'Manifest project: its path, the end of it, or the name of its entry',
    });
}

export function wordsOf({ agent, project }: AgentWords): string[] {
  return [agent, project].filter((word) => word !== undefined);
}
