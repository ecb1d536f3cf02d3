import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from 'yargs';
import { type ConnectionFlags, withConnectionFlags } from '../connection-flags.ts';
import { INPUT_FLAGS, PLAN_FLAGS } from '../input-flags.ts';
import type { Io } from '../io.ts';

// What an installation is, beside the manifests of generated rights.
export const INSTALLATION_FLAGS = {
  'agent-name': { type: 'string', requiresArg: true, describe: 'Name of the agent: a DNS label' },
  'config-project': {
    type: 'string',
    requiresArg: true,
    describe: 'Path of the project that holds .gitlab/agents/NAME/config.yaml, such as group/agents',
  },
  'gitlab-url': {
    type: 'string',
    requiresArg: true,
    describe: 'Where GitLab is, such as https://gitlab.example.com (default: GITLAB_HOST)',
  },
  'gitlab-ca-file': {
    type: 'string',
    requiresArg: true,
    describe: "PEM file with the authorities of GitLab's certificate, for the agent",
  },
  'kas-address': {
    type: 'string',
    requiresArg: true,
    describe: 'Agent server to connect to, such as grpcs://kas.example.com:8150: it reads the repositories',
  },
  'kas-ca-cert-file': {
    type: 'string',
    requiresArg: true,
    describe: "PEM file with the authorities of that server's certificate, for the agent",
  },
  impersonate: {
    type: 'boolean',
    describe:
      'Let the agent act as the people and jobs that come through that server (access_as in config.yaml): equals cluster-admin',
  },
  image: {
    type: 'string',
    requiresArg: true,
    describe: 'Image of the agent, built from deploy/Dockerfile (default: GITLAB_AGENT_IMAGE)',
  },
  replicas: {
    type: 'number',
    requiresArg: true,
    describe: 'How many: one works, the others stand by (default: 1)',
  },
  rbac: {
    type: 'string',
    requiresArg: true,
    describe:
      'Rights over what is synced: cluster (default), namespaces=A,B, generated (just what the manifests of -f or -k, or else of the configuration, need), escalate (may also grant: equals cluster-admin)',
  },
  ...INPUT_FLAGS,
  wait: {
    type: 'boolean',
    default: true,
    describe: 'Wait until the agent reports; --wait=false ends as soon as all is applied',
  },
  timeout: {
    type: 'string',
    requiresArg: true,
    default: '3m',
    describe: 'How long to wait, such as 90s or 5m',
  },
  color: PLAN_FLAGS.color,
} as const;

// How the person at hand reaches GitLab.
export const TOKEN_FLAGS = {
  'gitlab-token-file': {
    type: 'string',
    requiresArg: true,
    describe: "Your own token for GitLab: a file, or - for stdin (default: GITLAB_TOKEN, glab's login)",
  },
} as const;

export const INSTALL_FLAGS = {
  ...INSTALLATION_FLAGS,
  ...TOKEN_FLAGS,
  'git-token-file': {
    type: 'string',
    requiresArg: true,
    describe: 'Token for reading repositories: a file, or - for stdin (default: GITLAB_AGENT_GIT_TOKEN)',
  },
  'git-username': {
    type: 'string',
    requiresArg: true,
    describe: 'User name of that token, which a deploy token needs',
  },
  'token-file': {
    type: 'string',
    requiresArg: true,
    describe: 'Token for the agent server: a file, or - for stdin (default: GITLAB_AGENT_TOKEN)',
  },
  'api-token-file': {
    type: 'string',
    requiresArg: true,
    describe: 'Token for commit statuses: a file, or - for stdin (default: GITLAB_AGENT_API_TOKEN)',
  },
  'dry-run': {
    type: 'string',
    describe: 'Show what would change and write nothing; with -o yaml, print the objects',
  },
  output: {
    alias: 'o',
    choices: ['text', 'yaml'] as const,
    default: 'text' as const,
    describe: 'With --dry-run: how to print what would be applied',
  },
} as const;

type RawFlags = InferredOptionTypes<typeof INSTALL_FLAGS> & ConnectionFlags;
export type InstallFlags = ArgumentsCamelCase<RawFlags>;

const DESCRIPTION = `Install the agent into a cluster, or upgrade it in place

Applies a Namespace, a ServiceAccount with its rights, Secrets and a Deployment,
those of deploy/, as an apply set of their own, and waits until the agent
reports. Run again it changes only what differs: flags and tokens that are not
given stay as they are in the cluster, and what is needed no longer is deleted.
Objects that it did not create are refused. The namespace is gitlab-agent where
-n does not name another; each namespace holds one agent.

Tokens are read from a file, standard input or the environment.

Exit codes: 0 the agent reports, 1 it does not or its configuration is broken,
2 something failed; with --dry-run those of diff.`;

const EXAMPLES = `Examples:
  # rights over the whole cluster, a deploy token for reading
  kubectl gitlab-agent install --agent-name production \\
    --config-project group/agents --gitlab-url https://gitlab.example.com \\
    --image registry.example.com/gitlab-agent:0.1.0 \\
    --git-username gitlab+deploy-token-1 --git-token-file deploy-token

  # only what the manifests need; another image, all else as it is
  kubectl gitlab-agent install --rbac=generated -R -f deploy/
  kubectl gitlab-agent install --image registry.example.com/gitlab-agent:0.2.0

  # from here on by way of an agent server, without a Git credential
  kubectl gitlab-agent install --kas-address wss://kas.example.com \\
    --token-file agent-token

  # for kustomize or a repository, without the Secrets
  kubectl gitlab-agent install --agent-name production \\
    --config-project group/agents --gitlab-url https://gitlab.example.com \\
    --image registry.example.com/gitlab-agent:0.1.0 \\
    --rbac=namespaces=shop,web --dry-run -o yaml`;

/** `install`: the in-cluster resources of an agent. */
export function installCommand(io: Io, finish: (code: number) => void): CommandModule<object, RawFlags> {
  return {
    command: 'install',
    describe: 'Install the agent into a cluster, or upgrade it',
    builder: (yargs) =>
      withConnectionFlags(yargs.options(INSTALL_FLAGS).group(Object.keys(INSTALL_FLAGS), 'Flags:'))
        .usage(`$0 install [flags]\n\n${DESCRIPTION}`)
        .epilogue(EXAMPLES),
    handler: async (flags) => {
      const { runInstall } = await import('../install/run-install.ts');
      finish(await runInstall(flags, io));
    },
  };
}
