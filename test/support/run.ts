/**
 * `npm test`: builds, starts one real control plane for the whole run, runs ava with the arguments given, and ends
 * the control plane however that went. What tests leave behind, files or processes, is a failure. `--chaos` asks for the full number of rounds where tests are seeded.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { formatProblem, ProblemError } from '../../core/model/problem.ts';
import { closingLine } from './closing-line.ts';
import { findBinaries, findHelm, findKubectl, SERVERS } from './control-plane/binaries.ts';
import { type ControlPlane, startControlPlane } from './control-plane/control-plane.ts';
import { loadEndpoint, saveEndpoint } from './control-plane/endpoint.ts';
import { waitFor } from './control-plane/wait.ts';
import { type LeftBehind, leftBehind } from './left-behind.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const AVA = join(ROOT, 'node_modules', 'ava', 'entrypoints', 'cli.js');
const BUILD = join(ROOT, 'tools', 'build.ts');

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());

function say(text: string): void {
  process.stderr.write(`npm test: ${text}\n`);
}

/** Returns the exit code. */
async function main(): Promise<number> {
  const { signal } = interrupted;
  const chaos = process.argv.includes('--chaos');
  const args = process.argv.slice(2).filter((argument) => argument !== '--chaos');
  say('building');
  const built = await run([BUILD], {});
  if (built.code !== 0) return built.code;
  signal.throwIfAborted();
  await findBinaries(SERVERS, { signal });
  await findKubectl({ signal });
  await findHelm({ signal });
  await using shared = await shareControlPlane();
  say(`running ava${chaos ? ', full counts' : ''}`);
  const directory = mkdtempSync(join(tmpdir(), 'gitlab-agent-tests-'));
  const environment = {
    TEST_CONTROL_PLANE: shared.file,
    TMPDIR: directory,
    // Compiled code is no test's own: the next run is glad of it.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), 'node-compile-cache'),
    ...(chaos ? { TEST_CHAOS: '1' } : {}),
  };
  try {
    const { code, output } = await run([AVA, ...args], environment);
    const isClean = await wasCleanedUp(directory);
    await shared[Symbol.asyncDispose]();
    process.stdout.write(`${closingLine(output, code)}\n`);
    return code || (isClean ? 0 : 1);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** False, having named it, where anything is there still of the tests; what was interrupted may end in its own time. */
async function wasCleanedUp(directory: string): Promise<boolean> {
  let left: LeftBehind = { files: [], processes: [] };
  const isGone = (): boolean => {
    left = leftBehind(directory);
    return left.files.length + left.processes.length === 0;
  };
  try {
    return await waitFor(isGone, {
      what: 'what tests have left',
      timeout: 10_000,
      signal: interrupted.signal,
    });
  } catch {
    for (const name of left.files) say(`a test left the file ${name} behind`);
    for (const { pid, command } of left.processes) say(`a test left process ${pid} behind: ${command}`);
    return false;
  }
}

/** The control plane that TEST_CONTROL_PLANE names (`npm run cluster` says it), else one of our own. */
async function shareControlPlane(): Promise<AsyncDisposable & { file: string }> {
  const given = process.env.TEST_CONTROL_PLANE;
  if (given && loadEndpoint(given)) {
    say(`using the control plane of ${given}`);
    return { file: given, [Symbol.asyncDispose]: async () => {} };
  }
  // One that is gone: its name would make ours take the place that is for tests inside a run.
  delete process.env.TEST_CONTROL_PLANE;
  say('starting a control plane');
  const controlPlane: ControlPlane = await startControlPlane({
    auditLog: true,
    purpose: 'runs `npm test`',
    signal: interrupted.signal,
  });
  return { file: saveEndpoint(controlPlane), [Symbol.asyncDispose]: () => controlPlane.stop() };
}

/** Runs a script with this Node. What it prints is shown at once and returned. An interruption is passed on. */
async function run(
  args: string[],
  environment: Record<string, string>,
): Promise<{ code: number; output: string }> {
  const color = process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: '1' } : {};
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...color, ...environment },
    stdio: ['inherit', 'pipe', 'inherit'],
  });
  // ava ends in order on SIGINT and reports what it has; in a terminal it has had that signal already.
  const passOn = (): void => void child.kill('SIGINT');
  interrupted.signal.addEventListener('abort', passOn, { once: true });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  interrupted.signal.removeEventListener('abort', passOn);
  // Without a word here, a crash of the runtime would look like tests that were never written.
  if (killedBy) say(`${basename(args[0]!)} was ended by ${killedBy}`);
  return { code: interrupted.signal.aborted ? 130 : (code ?? 1), output };
}

try {
  process.exitCode = await main();
} catch (error) {
  if (interrupted.signal.aborted) process.exitCode = 130;
  else {
    const text = error instanceof ProblemError ? error.problems.map(formatProblem).join('\n') : String(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = 2;
  }
}
