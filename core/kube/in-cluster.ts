import { existsSync, readFileSync, statSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { UserEntry } from './kubeconfig-file.ts';
import type { Environment } from './problems.ts';

/** Where the kubelet mounts a pod's service account. */
export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Whether this is a pod with a service account (client-go `inClusterClientConfig.Possible`). */
export function isServiceAccountThere(env: Environment, dir: string): boolean {
  if (!env.KUBERNETES_SERVICE_HOST || !env.KUBERNETES_SERVICE_PORT) return false;
  return statSync(join(dir, 'token'), { throwIfNoEntry: false })?.isFile() ?? false;
}

/** `POD_NAMESPACE`, else the service account's namespace, else `default`. */
export function podNamespace(env: Environment, dir: string): string {
  if (env.POD_NAMESPACE) return env.POD_NAMESPACE;
  try {
    return readFileSync(join(dir, 'namespace'), 'utf8').trim() || 'default';
  } catch {
    return 'default';
  }
}

/** The API server of the pod's cluster, and the service account as a user whose token is read again when it rotates. */
export function serviceAccountAuth(
  env: Environment,
  dir: string,
): { address: URL; user: UserEntry; caFile: string | undefined } {
  const host = env.KUBERNETES_SERVICE_HOST!;
  const caFile = join(dir, 'ca.crt');
  return {
    address: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT}`),
    user: { tokenFile: join(dir, 'token') },
    caFile: existsSync(caFile) ? caFile : undefined,
  };
}
