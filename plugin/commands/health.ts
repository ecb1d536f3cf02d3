import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import type { Io } from '../io.ts';

export const HEALTH_FLAGS = {
  filename: {
    alias: 'f',
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'File with live objects, or - for stdin; repeatable',
  },
  output: {
    alias: 'o',
    choices: ['table', 'json', 'yaml'] as const,
    default: 'table' as const,
    describe: 'How to print the health',
  },
  color: {
    choices: ['auto', 'always', 'never'] as const,
    default: 'auto' as const,
    describe: 'Colour the output',
  },
} as const;

type RawFlags = InferredOptionTypes<typeof HEALTH_FLAGS>;
export type HealthCommandFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Judge how far live objects are from what they should be

Reads objects as "kubectl get -o yaml" or "-o json" prints them and needs no
cluster. Each is healthy, suspended, progressing, degraded or unknown, with
the reason. Custom resources are judged by their conditions.

Exit codes: 0 all healthy or suspended, 1 something is not, 2 unreadable input.`;

const EXAMPLES = `Examples:
  # everything of a namespace
  kubectl get all,pvc,ingress -n shop -o yaml | kubectl gitlab-agent health -f -

  # what was saved from a cluster, for a program
  kubectl gitlab-agent health -f objects.json -f more.yaml -o json`;

/** `health`: reads live objects and prints how they are. */
export function healthCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'health',
    describe: 'Judge the health of live objects',
    builder: (yargs) =>
      yargs
        .options(HEALTH_FLAGS)
        .group(Object.keys(HEALTH_FLAGS), 'Flags:')
        .usage(`$0 health -f FILE [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runHealth } = await import('../health/run-health.ts');
      finish(await runHealth(flags, io));
    },
  };
}
