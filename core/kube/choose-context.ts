import { nearNames } from '../model/near-names.ts';
import type { ProblemError } from '../model/problem.ts';
import type { ConnectionFlags } from './connection.ts';
import type { LoadedKubeconfig } from './kubeconfig.ts';
import type { ClusterEntry, ContextEntry, UserEntry } from './kubeconfig-file.ts';
import { problem } from './problems.ts';

/** The entries of the kubeconfig that count. Without a context, those that `--cluster` and `--user` name. */
export interface Choice {
  contextName?: string;
  context?: ContextEntry;
  clusterName?: string;
  cluster?: ClusterEntry;
  userName?: string;
  user?: UserEntry;
}

/** Throws ProblemError where a name stands for nothing, with the names that are near it. */
export function chooseContext(
  { config, files }: LoadedKubeconfig,
  flags: Pick<ConnectionFlags, 'context' | 'cluster' | 'user'>,
): Choice {
  const contextName = flags.context || config.currentContext;
  const context = contextName ? config.contexts.get(contextName) : undefined;
  if (contextName && !context) {
    throw unknownName(
      'context',
      contextName,
      config.contexts,
      files,
      flags.context ? '' : ', which is the current-context,',
    );
  }
  const clusterName = flags.cluster || context?.cluster;
  const cluster = clusterName ? config.clusters.get(clusterName) : undefined;
  if (clusterName && !cluster) throw unknownName('cluster', clusterName, config.clusters, files);
  const userName = flags.user || context?.user;
  const user = userName ? config.users.get(userName) : undefined;
  // Towards a plain HTTP server (`kubectl proxy`) the user does not matter, and people leave it out.
  const plain = cluster?.server?.startsWith('http://');
  if (userName && !user && (flags.user || !plain)) throw unknownName('user', userName, config.users, files);
  return {
    ...(contextName ? { contextName } : {}),
    ...(context ? { context } : {}),
    ...(clusterName ? { clusterName } : {}),
    ...(cluster ? { cluster } : {}),
    ...(userName ? { userName } : {}),
    ...(user ? { user } : {}),
  };
}

function unknownName(
  what: 'context' | 'cluster' | 'user',
  wanted: string,
  entries: ReadonlyMap<string, unknown>,
  files: readonly string[],
  note = '',
): ProblemError {
  const where = files.length === 0 ? 'because there is no kubeconfig file' : `in ${files.join(', ')}`;
  const code = `Unknown${what[0]!.toUpperCase()}${what.slice(1)}`;
  return problem(
    code,
    `there is no ${what} "${wanted}"${note} ${where}`,
    hintOf(what, wanted, [...entries.keys()]),
  );
}

function hintOf(what: string, wanted: string, names: readonly string[]): string | undefined {
  const near = nearNames(wanted, names);
  if (near.length > 0) return `did you mean ${near.map((name) => JSON.stringify(name)).join(' or ')}?`;
  return names.length > 0
    ? `kubectl config get-${what}s lists the ${names.length} that there are`
    : undefined;
}

/** Says why no server is known: no file at all, files without contexts, or no context chosen. */
export function noServer({ config, files, missing }: LoadedKubeconfig): ProblemError {
  if (files.length === 0) {
    const looked = missing.length > 0 ? ` (looked for ${missing.join(', ')})` : '';
    return problem(
      'NoKubeconfig',
      `there is no kubeconfig${looked}`,
      'name one with --kubeconfig or KUBECONFIG, or a server with -s',
    );
  }
  const names = [...config.contexts.keys()];
  if (names.length > 0 && !config.currentContext) {
    const list = names.length <= 5 ? `: ${names.join(', ')}` : ` (${names.length} in the kubeconfig)`;
    return problem(
      'NoContext',
      `no context is chosen in ${files.join(', ')}`,
      `choose one with --context${list}`,
    );
  }
  return problem(
    'NoServer',
    `no server is named in ${files.join(', ')}`,
    'name a context with --context or a server with -s',
  );
}
