import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import type { Io } from '../io.ts';
import { INSTALLATION_FLAGS, TOKEN_FLAGS } from './install.ts';

const KUBECONFIG_FLAGS = {
  'agent-id': {
    type: 'number',
    requiresArg: true,
    describe: 'Number of the agent, where GitLab does not know it or may not be asked',
  },
  'config-project': INSTALLATION_FLAGS['config-project'],
  'gitlab-url': INSTALLATION_FLAGS['gitlab-url'],
  ...TOKEN_FLAGS,
  server: {
    alias: 's',
    type: 'string',
    requiresArg: true,
    describe: "The agent server's address for clusters' APIs (default: as GitLab says)",
  },
  'certificate-authority': {
    type: 'string',
    requiresArg: true,
    describe: "PEM file with the authority of that server's certificate; it is copied",
  },
  context: {
    type: 'string',
    requiresArg: true,
    describe: 'Name of the context (default: PROJECT:AGENT, as in jobs of GitLab CI)',
  },
  namespace: { alias: 'n', type: 'string', requiresArg: true, describe: 'Namespace of the context' },
  'set-current': { type: 'boolean', default: false, describe: 'Make it the current context' },
  kubeconfig: {
    type: 'string',
    requiresArg: true,
    describe: 'File to write (default: the one that kubectl config writes)',
  },
  yes: { type: 'boolean', default: false, describe: 'Replace what else has that name without asking' },
  'dry-run': {
    type: 'boolean',
    default: false,
    describe: 'Print a kubeconfig with that context alone, and write nothing',
  },
} as const;

type RawFlags = InferredOptionTypes<typeof KUBECONFIG_FLAGS> & { agent?: string | undefined };
export type KubeconfigFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Write a context that reaches a cluster through the agent server

kubectl and this program then speak to the cluster of an agent as the person
who asks, wherever it is. The kubeconfig holds no token: kubectl has this
program look for it each time, in the file of --gitlab-token-file, in
GITLAB_TOKEN where GITLAB_HOST is that GitLab, or in glab's login. It needs the
scope k8s_proxy, and read_api for the agent's number and the address. Comments
and other entries of the file stay as they are.

Exit codes: 0 done, 2 nothing was written.`;

const EXAMPLES = `Examples:
  # GitLab knows the number of the agent and the address of its agent server
  kubectl gitlab-agent kubeconfig production --config-project group/agents \\
    --gitlab-url https://gitlab.example.com

  # a server with agents of its own
  kubectl gitlab-agent kubeconfig --agent-id 1 --context production \\
    --gitlab-url https://gitlab.example.com \\
    --server https://kas.example.com/k8s-proxy`;

/** `kubeconfig`: a context for the way through the agent server. */
export function kubeconfigCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'kubeconfig [agent]',
    describe: 'Write a context that reaches a cluster through the agent server',
    builder: (yargs) =>
      yargs
        .positional('agent', { type: 'string', describe: 'Name of the agent' })
        .options(KUBECONFIG_FLAGS)
        .group(Object.keys(KUBECONFIG_FLAGS), 'Flags:')
        .usage(`$0 kubeconfig [AGENT] [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runKubeconfig } = await import('../kubeconfig/run-kubeconfig.ts');
      finish(await runKubeconfig(flags, io));
    },
  };
}
