/** Runs Helm, with nothing of the person who runs the tests. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedCluster } from './cluster.ts';
import { findHelm } from './control-plane/binaries.ts';

export interface HelmResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** The folder of a chart. */
export function chart(name: 'gitlab-agent' | 'gitlab-agent-server'): string {
  return join(import.meta.dirname, '..', '..', 'deploy', 'charts', name);
}

/** Values as flags, each on its own: what is in them is taken as JSON. */
export function valueFlags(values: Record<string, unknown>): string[] {
  return Object.entries(values).map(([name, value]) => `--set-json=${name}=${JSON.stringify(value)}`);
}

/** Runs it against the shared cluster and returns what it says, whatever that is. */
export async function tryHelm(...args: string[]): Promise<HelmResult> {
  const home = mkdtempSync(join(tmpdir(), 'helm-'));
  const { promise, resolve } = Promise.withResolvers<HelmResult>();
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    KUBECONFIG: sharedCluster().kubeconfig,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
  };
  execFile(await findHelm(), args, { env, maxBuffer: 2 ** 24 }, (error, stdout, stderr) =>
    resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
  );
  try {
    return await promise;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** What it prints. Throws what it says where it fails. */
export async function helm(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tryHelm(...args);
  if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}
