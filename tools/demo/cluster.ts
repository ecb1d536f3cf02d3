import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ProblemError } from '../../core/model/problem.ts';
import { startControlPlane } from '../../test/support/control-plane/control-plane.ts';
import type { Endpoint } from '../../test/support/control-plane/endpoint.ts';

const execute = promisify(execFile);

/** A cluster to show things on, with names that are free in it. */
export interface DemoCluster extends AsyncDisposable {
  kubeconfig: string;
  namespace: string;
  /** The API group of the demo's own kind. */
  group: string;
  /** Where the agent is. */
  agentNamespace: string;
  /** For what runs beside it, such as a Node. Throws ProblemError where that can't be done. */
  endpoint: () => Promise<Endpoint>;
}

const NAMESPACE = 'shop';
const GROUP = 'shop.example.com';
const AGENT_NAMESPACE = 'gitlab-agent';

/** A real control plane that is started for the demo and gone after it. */
export async function throwawayCluster(signal: AbortSignal): Promise<DemoCluster> {
  const controlPlane = await startControlPlane({ purpose: 'runs `npm run demo`', signal });
  return {
    kubeconfig: controlPlane.kubeconfig,
    namespace: NAMESPACE,
    group: GROUP,
    agentNamespace: AGENT_NAMESPACE,
    endpoint: async () => controlPlane,
    [Symbol.asyncDispose]: () => controlPlane.stop(),
  };
}

/**
 * An existing cluster: namespaces and an API group with random names, deleted afterwards. `directory` takes
 * a kubeconfig with that context only, so that the commands shown need no flag.
 */
export async function existingCluster(
  context: string,
  options: { kubectl: string; directory: string; signal: AbortSignal },
): Promise<DemoCluster> {
  const { kubectl, directory, signal } = options;
  const kubeconfig = join(directory, 'kubeconfig');
  const env = { ...process.env, KUBECONFIG: kubeconfig, KUBERC: 'off' };
  try {
    const { stdout } = await execute(
      kubectl,
      ['config', 'view', '--raw', '--flatten', '--minify', '--context', context],
      { signal },
    );
    writeFileSync(kubeconfig, stdout, { mode: 0o600 });
    await execute(kubectl, ['get', '--raw', '/version', '--request-timeout=10s'], { env, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new ProblemError({
      code: 'Context',
      message: `the context ${context} can't be used: ${lastLine(error)}`,
      hint: 'kubectl config get-contexts lists those there are; without --context the demo starts a cluster',
    });
  }
  const suffix = randomBytes(2).toString('hex');
  const namespace = `${NAMESPACE}-demo-${suffix}`;
  const group = `shop-demo-${suffix}.example.com`;
  const agentNamespace = `${AGENT_NAMESPACE}-demo-${suffix}`;
  const remove = (...args: string[]): Promise<unknown> =>
    execute(kubectl, ['delete', '--ignore-not-found', '--wait=false', ...args], { env });
  return {
    kubeconfig,
    namespace,
    group,
    agentNamespace,
    endpoint: () => endpointOf(kubectl, kubeconfig, directory),
    [Symbol.asyncDispose]: async () => {
      const results = await Promise.allSettled([
        remove('namespace', namespace, agentNamespace),
        remove('customresourcedefinition', `discounts.${group}`),
      ]);
      for (const result of results) {
        if (result.status === 'rejected')
          process.stderr.write(`warning: not removed: ${lastLine(result.reason)}\n`);
      }
    },
  };
}

/** Such as that of `npm run cluster`: a cluster on this machine, and somebody who is known there by a token. */
async function endpointOf(kubectl: string, kubeconfig: string, dir: string): Promise<Endpoint> {
  const view = ['config', 'view', '--raw', '-o', 'json', `--kubeconfig=${kubeconfig}`];
  const { clusters, users } = JSON.parse((await execute(kubectl, view)).stdout);
  const { server: url, 'certificate-authority-data': ca } = clusters[0].cluster;
  const token: string | undefined = users[0].user.token;
  if (token === undefined || ca === undefined || !/^(127\.|localhost$)/.test(new URL(url).hostname))
    throw new ProblemError({
      code: 'Context',
      message: `--server can't use this context: it wants a cluster at 127.0.0.1 with a certificate, and a token`,
      hint: 'without --context the demo starts a cluster; that of npm run cluster will do, too',
    });
  const caFile = join(dir, 'cluster-ca.crt');
  writeFileSync(caFile, Buffer.from(ca, 'base64'));
  const admin = { name: 'admin', groups: [], token, kubeconfig };
  return { url, caFile, kubeconfig, token, users: { admin }, dir };
}

/** The example's text with the names of this cluster. */
export function renamed(text: string, { namespace, group }: DemoCluster): string {
  return text
    .replaceAll(GROUP, group)
    .replaceAll(/^( +namespace: )shop$/gm, `$1${namespace}`)
    .replace(/^(kind: Namespace\nmetadata:\n +name: )shop$/m, `$1${namespace}`);
}

/** kubectl says what went wrong in its last line on stderr. */
function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr || message).trim().split('\n').at(-1)!;
}
