import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Problem, ProblemError } from '../../../core/model/problem.ts';
import {
  type BinaryName,
  findOnPath,
  isExecutable,
  moduleDirectory,
  RECIPES,
  type Recipe,
  versionOf,
} from './binaries.ts';
import { takeLock } from './lock.ts';
import { startProgress } from './progress.ts';

const ASSETS_HINT =
  'or point KUBEBUILDER_ASSETS at a directory with etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok';

/**
 * Builds binaries into `directory`, one after the other under a lock, each renamed into place when it is whole:
 * a build that was killed leaves nothing half, and a second builder finds what the first has made.
 */
export async function build(
  names: readonly BinaryName[],
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  if (!findOnPath('go')) throw new ProblemError(noGo(names[0]!));
  const lock = await takeLock([`${directory}.lock`], {
    purpose: 'builds the binaries of the control plane',
    signal,
    onWait: ([holder]) =>
      process.stderr.write(
        `waiting for process ${holder?.pid}, which ${holder?.purpose} (${directory}.lock)\n`,
      ),
  });
  const scratch = `${directory}.build-${process.pid}`;
  try {
    removeScratch(directory);
    for (const name of names) {
      if (!isExecutable(join(directory, name))) await buildOne(name, directory, scratch, signal);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    lock.release();
  }
}

/** Whatever another builder left: we hold the lock, so that builder is dead. */
function removeScratch(directory: string): void {
  const prefix = `${basename(directory)}.build-`;
  for (const entry of readdirSync(dirname(directory))) {
    if (entry.startsWith(prefix)) rmSync(join(dirname(directory), entry), { recursive: true, force: true });
  }
}

async function buildOne(
  name: BinaryName,
  directory: string,
  scratch: string,
  signal?: AbortSignal,
): Promise<void> {
  const recipe = RECIPES[name];
  const version = versionOf(recipe.pin);
  mkdirSync(scratch, { recursive: true });
  mkdirSync(directory, { recursive: true });
  const minutes = recipe.minutes === 1 ? 'a minute' : `${recipe.minutes} minutes`;
  const progress = startProgress(`building ${name} ${version}`, `about ${minutes} the first time`);
  try {
    await runGo(goArguments(recipe, join(scratch, name)), name, signal);
    renameSync(join(scratch, name), join(directory, name));
    progress.done();
  } catch (error) {
    progress.fail();
    throw error;
  }
}

/** The arguments of `go` that build a recipe's package into `output`. */
export function goArguments(recipe: Recipe, output: string): string[] {
  const ldflags = ['-s', '-w', ...stampsOf(recipe).map((stamp) => `-X ${stamp}`)];
  return ['build', '-trimpath', '-ldflags', ldflags.join(' '), '-o', output, recipe.package];
}

/** What a release sets from outside. Without it a Kubernetes built from modules calls itself v0.0.0. */
function stampsOf({ pin }: Recipe): string[] {
  const numbers = (version: string): string[] => /^v(\d+)\.(\d+)\./.exec(version)!.slice(1);
  if (pin.folder === 'kubernetes') {
    const version = versionOf(pin);
    const [major, minor] = numbers(version);
    const stamp = 'k8s.io/component-base/version';
    return [`${stamp}.gitVersion=${version}`, `${stamp}.gitMajor=${major}`, `${stamp}.gitMinor=${minor}`];
  }
  if (pin.folder !== 'helm') return [];
  // Charts are rendered for the Kubernetes of Helm's own client where no cluster is asked: 1.20 without the stamp.
  const [, minor] = numbers(versionOf({ folder: 'helm', module: 'k8s.io/client-go' }));
  return ['chartutil', 'lint/rules'].flatMap((where) => [
    `helm.sh/helm/v3/pkg/${where}.k8sVersionMajor=1`,
    `helm.sh/helm/v3/pkg/${where}.k8sVersionMinor=${minor}`,
  ]);
}

function runGo(args: string[], name: BinaryName, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { GOOS: _os, GOARCH: _arch, ...environment } = process.env;
  const child = spawn('go', args, {
    cwd: moduleDirectory(RECIPES[name].pin),
    // GOFLAGS and a go.work of the machine must not change what is built. An empty GOFLAGS would let the one of
    // `go env -w` through.
    env: { ...environment, GOFLAGS: '-mod=readonly', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-8_000);
  });
  child.on('error', reject);
  child.on('close', (code) => (code === 0 ? resolve() : reject(new ProblemError(goFailed(name, stderr)))));
  return promise;
}

function noGo(name: BinaryName): Problem {
  return {
    code: 'NoGo',
    message: `${name} has to be built and there is no Go on PATH: install Go ${neededGo(name)} or newer (https://go.dev/dl), ${ASSETS_HINT}`,
  };
}

const TOO_OLD = /requires go >=|invalid go version|unknown directive: tool|toolchain not available/;

/** Words what `go` said. An older Go words it in its own ways, by what it stumbles over first. */
function goFailed(name: BinaryName, stderr: string): Problem {
  if (TOO_OLD.test(stderr)) {
    const running = /running go ?(\d[\w.]*)/.exec(stderr)?.[1];
    return {
      code: 'GoTooOld',
      message: `${name} has to be built and the Go on PATH${running ? `, ${running},` : ''} is too old: install Go ${neededGo(name)} or newer (https://go.dev/dl) or let Go fetch it (GOTOOLCHAIN=auto), ${ASSETS_HINT}`,
    };
  }
  const tail = stderr.trimEnd().split('\n').slice(-15).join('\n');
  return { code: 'GoBuildFailed', message: `building ${name} failed; go says:`, picture: tail };
}

/** What the go.mod asks for: `1.24`. */
function neededGo(name: BinaryName): string {
  const text = readFileSync(join(moduleDirectory(RECIPES[name].pin), 'go.mod'), 'utf8');
  return /^go (\d+\.\d+)/m.exec(text)![1]!;
}
