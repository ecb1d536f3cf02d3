import { basename } from 'node:path';
import type { UserEntry } from '../../core/kube/kubeconfig-file.ts';
import type { JsonObject } from '../../core/model/json.ts';

/** The program as kubectl finds it on PATH. */
const PROGRAM = 'kubectl-gitlab_agent';
export const EXEC_VERSION = 'client.authentication.k8s.io/v1';

/** What the three entries of a context are made of. Their name is the same. */
export interface ContextFacts {
  name: string;
  id: number;
  server: string;
  gitlabUrl: string;
  /** The file with the person's token; absolute. */
  tokenFile?: string;
  /** PEM. */
  authority?: string;
  namespace?: string;
}

export interface ContextEntries {
  clusters: JsonObject;
  users: JsonObject;
  contexts: JsonObject;
}

/** The values of the entries. */
export function contextEntries(facts: ContextFacts): ContextEntries {
  const { name, id, server, gitlabUrl, tokenFile, authority, namespace } = facts;
  return {
    clusters: {
      ...(authority !== undefined && {
        'certificate-authority-data': Buffer.from(authority).toString('base64'),
      }),
      server,
    },
    users: {
      exec: {
        apiVersion: EXEC_VERSION,
        args: [
          'credential',
          `--agent-id=${id}`,
          `--gitlab-url=${gitlabUrl}`,
          ...(tokenFile === undefined ? [] : [`--gitlab-token-file=${tokenFile}`]),
        ],
        command: PROGRAM,
        installHint: `put ${PROGRAM}, the program of kubectl gitlab-agent, into a folder of PATH`,
        interactiveMode: 'Never',
        provideClusterInfo: false,
      },
    },
    contexts: { cluster: name, ...(namespace !== undefined && { namespace }), user: name },
  };
}

/** Whether a user of a kubeconfig is one that was written for this agent. */
export function isOfAgent(
  { exec }: UserEntry,
  { id, gitlabUrl }: Pick<ContextFacts, 'id' | 'gitlabUrl'>,
): boolean {
  if (!exec || basename(exec.command) !== PROGRAM) return false;
  const [command, ...args] = exec.args;
  const said = [`--agent-id=${id}`, `--gitlab-url=${gitlabUrl}`];
  return command === 'credential' && said.every((argument) => args.includes(argument));
}
