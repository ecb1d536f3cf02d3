import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { findKubectl } from '../test/support/control-plane/binaries.ts';
import { applyAll, type BenchCluster, lists, openCluster, patch } from './cluster.ts';
import { contest } from './contest.ts';
import { type ContestantOptions, contestants, namedByReport, type Places } from './contestants.ts';
import { writeManifests } from './files.ts';
import type { FloorJob } from './floor.ts';
import { measure } from './measure.ts';
import { changedNames, generate, type Item, isChanged } from './objects.ts';
import { printReport } from './report.ts';

const ROOT = join(import.meta.dirname, '..');
const PLUGIN = join(ROOT, 'dist', 'plugin', 'kubectl-gitlab_agent.cjs');
const PART = 1_000;

export interface DiffBench extends ContestantOptions {
  seed: number;
  signal: AbortSignal;
  /** Tells a person what goes on. */
  say: (text: string) => void;
}

/** Sets everything up, checks that our answers are right, measures, prints, and leaves nothing behind. */
export async function benchDiff(options: DiffBench): Promise<void> {
  const { say, signal } = options;
  say('building the plugin');
  await build(signal);
  const kubectl = await findKubectl({ signal });
  const directory = mkdtempSync(join(tmpdir(), 'gitlab-agent-bench-'));
  try {
    say('starting a control plane');
    await using cluster = await openCluster(signal);
    const items = generate(options, cluster.prefix);
    say(`applying ${items.length} objects, of which ${options.changed} change afterwards`);
    await applyAll(cluster.server, items, signal);
    const places = await layOut(directory, items, cluster, kubectl);
    const env = {
      ...process.env,
      KUBECONFIG: cluster.endpoint.kubeconfig,
      // The person's aliases and discovery cache stay out.
      KUBERC: 'off',
      KUBECACHEDIR: join(directory, 'cache'),
    };
    say('checking the answers (and filling the caches)');
    await checkAnswers(places, items, { env, signal, directory });
    execFileSync(kubectl, ['api-resources'], { env, stdio: 'ignore' });
    const results = await contest(contestants(places, options), {
      env,
      signal,
      directory,
      say,
    });
    const version = JSON.parse(
      execFileSync(kubectl, ['version', '-o', 'json'], {
        env,
        encoding: 'utf8',
        // A warning about skew: the report says both versions.
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
    printReport(results, {
      ...options,
      cluster: cluster.description,
      kubectlVersion: version.clientVersion.gitVersion,
      serverVersion: version.serverVersion.gitVersion,
      expected: changedNames(items),
    });
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

/** Writes the manifests and the floor's jobs. */
async function layOut(
  directory: string,
  items: readonly Item[],
  cluster: BenchCluster,
  kubectl: string,
): Promise<Places> {
  const all = join(directory, 'manifests');
  const part = join(all, 'part-0');
  writeManifests(part, items.slice(0, PART));
  writeManifests(join(all, 'part-1'), items.slice(PART));
  const one = join(directory, 'one');
  const unchanged = items.find((item) => item.resource.kind === 'Deployment' && !isChanged(item));
  if (!unchanged) throw new Error('no Deployment is left unchanged: take more objects or fewer changes');
  writeManifests(one, [unchanged]);

  const job = (name: string, lists: FloorJob['lists'], asked: readonly Item[]): string => {
    const file = join(directory, name);
    const dryRuns = asked.map((item) => patch(item, item.wanted, true));
    const { url, ca, token } = cluster.server;
    writeFileSync(file, JSON.stringify({ server: { url, ca, token }, lists, dryRuns } satisfies FloorJob), {
      mode: 0o600,
    });
    return file;
  };
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
  return {
    plugin: PLUGIN,
    kubectl,
    all,
    ...(items.length > PART && { part }),
    one,
    floor: {
      program,
      changed: job('floor-changed.json', lists(items), items.filter(isChanged)),
      full: job('floor-full.json', [], items),
    },
  };
}

/** A fast answer counts only if it is right: exactly the changed objects, each an update, proven or asked. */
async function checkAnswers(
  places: Places,
  items: readonly Item[],
  run: { env: NodeJS.ProcessEnv; signal: AbortSignal; directory: string },
): Promise<void> {
  const expected = changedNames(items);
  mkdirSync(run.env.KUBECACHEDIR!, { recursive: true });
  for (const flags of [[], ['--full']]) {
    const files = { stdout: join(run.directory, 'answer.json'), stderr: join(run.directory, 'answer.err') };
    const label = ['gitlab-agent diff', ...flags].join(' ');
    const command = [process.execPath, places.plugin, 'diff', '-R', '-f', places.all, '-o', 'json', ...flags];
    const { code } = await measure(command, files, run);
    if (code > 1) {
      throw new Error(`${label}: exit code ${code}\n${readFileSync(files.stderr, 'utf8').slice(0, 1_000)}`);
    }
    const named = namedByReport(readFileSync(files.stdout, 'utf8'));
    const missing = [...expected].filter((name) => named.get(name) !== 'update');
    const extra = [...named.keys()].filter((name) => !expected.has(name));
    if (missing.length + extra.length > 0) {
      throw new Error(
        `${label} is wrong: ${missing.length} changed objects are no update (${missing.slice(0, 3).join(', ')}), ` +
          `${extra.length} others are named (${extra.slice(0, 3).join(', ')})`,
      );
    }
  }
}
