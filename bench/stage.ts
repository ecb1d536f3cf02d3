import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { findKubectl } from '../test/support/control-plane/binaries.ts';
import { type BenchCluster, openCluster } from './cluster.ts';
import type { FloorJob } from './floor.ts';
import type { RawRequest } from './requests.ts';

const ROOT = join(import.meta.dirname, '..');

export interface StageOptions {
  signal: AbortSignal;
  /** Tells a person what goes on. */
  say: (text: string) => void;
}

/** What every benchmark works with; nothing of it is left afterwards. */
export interface Stage extends StageOptions {
  plugin: string;
  kubectl: string;
  cluster: BenchCluster;
  /** For manifests, jobs and outputs. */
  directory: string;
  /** Of the measured commands. */
  env: NodeJS.ProcessEnv;
  /** The command of the floor program with these requests, one list after the other. */
  floor(name: string, steps: RawRequest[][]): string[];
}

/** Builds the plugin and the floor program, opens a cluster, and hands both over. */
export async function onStage(options: StageOptions, use: (stage: Stage) => Promise<void>): Promise<void> {
  const { say, signal } = options;
  say('building the plugin');
  await build(signal);
  const kubectl = await findKubectl({ signal });
  const directory = mkdtempSync(join(tmpdir(), 'gitlab-agent-bench-'));
  try {
    say('starting a control plane');
    await using cluster = await openCluster(signal);
    const program = join(directory, 'floor.mjs');
    // Bundled, as our own program is: Node would strip the types at every start.
    await esbuild.build({
      entryPoints: [join(import.meta.dirname, 'floor.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'warning',
    });
    const env = {
      ...process.env,
      KUBECONFIG: cluster.endpoint.kubeconfig,
      // The person's aliases and discovery cache stay out.
      KUBERC: 'off',
      KUBECACHEDIR: join(directory, 'cache'),
    };
    mkdirSync(env.KUBECACHEDIR);
    const { url, ca, token } = cluster.server;
    const floor = (name: string, steps: RawRequest[][]): string[] => {
      const file = join(directory, name);
      writeFileSync(file, JSON.stringify({ server: { url, ca, token }, steps } satisfies FloorJob), {
        mode: 0o600,
      });
      return [process.execPath, program, file];
    };
    const plugin = join(ROOT, 'dist', 'plugin', 'kubectl-gitlab_agent.cjs');
    await use({ ...options, plugin, kubectl, cluster, directory, env, floor });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function build(signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [join(ROOT, 'tools', 'build.ts')], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    signal,
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the plugin does not build: exit code ${code}`);
}

/** Of kubectl and of the server, for the report. */
export function versions({ kubectl, env }: Stage): { kubectlVersion: string; serverVersion: string } {
  const version = JSON.parse(
    execFileSync(kubectl, ['version', '-o', 'json'], {
      env,
      encoding: 'utf8',
      // A warning about skew: the report says both versions.
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  return {
    kubectlVersion: version.clientVersion.gitVersion,
    serverVersion: version.serverVersion.gitVersion,
  };
}
