import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ProblemError } from '../model/problem.ts';
import { emptyKubeconfig, type Kubeconfig, parseKubeconfig } from './kubeconfig-file.ts';

/** The merged kubeconfig and where it was looked for. */
export interface LoadedKubeconfig {
  config: Kubeconfig;
  /** Files that were read, in the order in which they count. */
  files: string[];
  /** The file of each user's definition. */
  userFiles: Map<string, string>;
  /** Files that were named but are not there. */
  missing: string[];
}

/**
 * Loads kubeconfig as kubectl does (client-go `ClientConfigLoadingRules`): `explicit` alone, which must exist;
 * else the files of `KUBECONFIG`, missing ones and empty entries left out; else `.kube/config` in `homedir`.
 * The first definition of a name wins whole, and so does the first current-context. Throws ProblemError.
 */
export function loadKubeconfig(
  explicit: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  homedir: string,
): LoadedKubeconfig {
  const loaded: LoadedKubeconfig = {
    config: emptyKubeconfig(),
    files: [],
    userFiles: new Map(),
    missing: [],
  };
  for (const file of kubeconfigFiles(explicit, env, homedir)) {
    const text = readKubeconfigFile(file);
    if (text !== undefined) {
      loaded.files.push(file);
      const config = parseKubeconfig(text, file);
      keepFirst(loaded.userFiles, new Map([...config.users.keys()].map((user) => [user, file])));
      merge(loaded.config, config);
    } else if (explicit) {
      throw new ProblemError({
        code: 'KubeconfigMissing',
        message: `the kubeconfig file ${file} does not exist`,
      });
    } else loaded.missing.push(file);
  }
  return loaded;
}

/** The files that count, as kubectl looks for them, whether they are there or not. */
export function kubeconfigFiles(
  explicit: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  homedir: string,
): string[] {
  if (explicit) return [explicit];
  const list = env.KUBECONFIG;
  if (list) return [...new Set(list.split(delimiter))].filter((file) => file !== '');
  return [join(homedir, '.kube', 'config')];
}

/** The text of a file; undefined where it is not there. Throws ProblemError where it can't be read. */
export function readKubeconfigFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    const why = code === 'EACCES' ? 'permission denied' : code === 'EISDIR' ? 'it is a directory' : code;
    throw new ProblemError({
      code: 'KubeconfigUnreadable',
      message: `the kubeconfig file ${file} can't be read: ${why}`,
    });
  }
}

function merge(into: Kubeconfig, from: Kubeconfig): void {
  keepFirst(into.clusters, from.clusters);
  keepFirst(into.users, from.users);
  keepFirst(into.contexts, from.contexts);
  into.currentContext ??= from.currentContext;
}

function keepFirst<T>(into: Map<string, T>, from: Map<string, T>): void {
  for (const [name, entry] of from) if (!into.has(name)) into.set(name, entry);
}
