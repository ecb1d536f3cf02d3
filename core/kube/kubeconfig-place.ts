import { ProblemError } from '../model/problem.ts';
import { kubeconfigFiles, readKubeconfigFile } from './kubeconfig.ts';
import { type Kubeconfig, parseKubeconfig } from './kubeconfig-file.ts';

/** A kubeconfig file that is there. */
export interface KubeconfigText {
  file: string;
  text: string;
  config: Kubeconfig;
}

/** The files that are there, the first of which counts most, and the one that new entries go to. */
export interface KubeconfigPlaces {
  found: KubeconfigText[];
  usual: string;
}

/**
 * Where kubectl writes a kubeconfig (client-go `PathOptions.GetDefaultFilename`): the file that is named, else of those
 * of `KUBECONFIG` the first that is there, else the last, else `.kube/config` in `homedir`. Throws ProblemError.
 */
export function kubeconfigPlaces(
  explicit: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  homedir: string,
): KubeconfigPlaces {
  const files = kubeconfigFiles(explicit, env, homedir);
  const found = files.flatMap((file) => {
    const text = readKubeconfigFile(file);
    return text === undefined ? [] : [{ file, text, config: parseKubeconfig(text, file) }];
  });
  const usual = found[0]?.file ?? files.at(-1);
  if (usual !== undefined) return { found, usual };
  throw new ProblemError({
    code: 'NoKubeconfig',
    message: 'KUBECONFIG names no file',
    hint: 'name one with --kubeconfig',
  });
}
