/** Runs the built plugin as a person would: as a program of its own. `npm test` builds it first. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { loadEndpoint } from './control-plane/endpoint.ts';

const BUILT = join(import.meta.dirname, '..', '..', 'dist', 'plugin', 'kubectl-gitlab_agent.cjs');
/** The executable that is tested; TEST_PLUGIN names another build of it, which may need no Node. */
export const PLUGIN = process.env.TEST_PLUGIN ?? BUILT;

export interface PluginOptions {
  /** Over an environment that holds no more than PATH, HOME and the shared cluster's KUBECONFIG. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Standard input; at once at its end where not said. `open` for a pipe that nobody writes to or closes. */
  input?: string | 'open';
  /** Arguments of Node before the program. */
  nodeArgs?: readonly string[];
  /** What to run instead of Node and the executable. */
  program?: readonly [string, ...string[]];
  /** A file that takes standard output, which is then not in the result. */
  stdout?: string;
}

export interface PluginResult {
  /** Null where a signal ended it. */
  code: number | null;
  stdout: string;
  /** Without the lines of progress, which come and go with the machine's load. */
  stderr: string;
  progress: string;
}

export interface RunningPlugin {
  child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** What it has printed so far. */
  readonly soFar: Pick<PluginResult, 'stdout' | 'stderr'>;
  done: Promise<PluginResult>;
}

let home: string | undefined;

/** Runs the plugin to its end. */
export function plugin(args: readonly string[], options: PluginOptions = {}): Promise<PluginResult> {
  return startPlugin(args, options).done;
}

/** Starts the plugin, for tests that do something to it meanwhile. */
export function startPlugin(args: readonly string[], options: PluginOptions = {}): RunningPlugin {
  const { promise: done, resolve, reject } = Promise.withResolvers<PluginResult>();
  const built: readonly [string, ...string[]] = /\.c?js$/.test(PLUGIN)
    ? [process.execPath, ...(options.nodeArgs ?? []), PLUGIN]
    : [PLUGIN];
  const [program, ...first] = options.program ?? built;
  const file = options.stdout === undefined ? undefined : openSync(options.stdout, 'w');
  const child = spawn(program, [...first, ...args], {
    cwd: options.cwd,
    env: { ...pluginEnvironment(), ...options.env },
    stdio: ['pipe', file ?? 'pipe', 'pipe'],
  }) as RunningPlugin['child'];
  if (file !== undefined) closeSync(file);
  const soFar = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      soFar[name] += text;
    });
  }
  child.on('error', reject);
  child.on('close', (code) => {
    const lines = soFar.stderr.match(/.*\n|.+$/g) ?? [];
    const told = Object.groupBy(lines, (line) => (line.endsWith(' …\n') ? 'progress' : 'stderr'));
    const { progress = [], stderr = [] } = told;
    resolve({ code, stdout: soFar.stdout, stderr: stderr.join(''), progress: progress.join('') });
  });
  // It may end without reading it all.
  child.stdin.on('error', () => {});
  if (options.input !== 'open') child.stdin.end(options.input ?? '');
  return { child, soFar, done };
}

/** Nothing of the person who runs the tests: no colours, no proxies, no kubeconfig, no caches. */
export function pluginEnvironment(): Record<string, string> {
  home ??= temporaryHome();
  const kubeconfig = loadEndpoint(process.env.TEST_CONTROL_PLANE)?.kubeconfig;
  return {
    // The first Node on PATH is the one that runs the tests.
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    HOME: home,
    TMPDIR: home,
    ...(kubeconfig && { KUBECONFIG: kubeconfig }),
  };
}

function temporaryHome(): string {
  const path = mkdtempSync(join(tmpdir(), 'plugin-home-'));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  return path;
}
