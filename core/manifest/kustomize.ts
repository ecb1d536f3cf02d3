import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { posix, relative, resolve } from 'node:path';
import type { FileTree, RevisionTree } from '../model/file-tree.ts';
import { ProblemError } from '../model/problem.ts';

export interface KustomizeOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Of what it prints. */
  maxBytes: number;
}

const PROGRAMS: [program: string, args: string[]][] = [
  ['kustomize', ['build']],
  ['kubectl', ['kustomize']],
];

const FILES = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];
/** How the libraries of Kubernetes log an error, as newer kubectl does with this one. */
const LOGGED = /^E\d{4} [\d:.]+ +\d+ \S+\] "command failed" err="(.*)"$/;

/** Whether there is one in the directory. */
export async function hasKustomization(tree: Pick<FileTree, 'real'>, directory: string): Promise<boolean> {
  const found = await Promise.all(FILES.map((name) => tree.real(posix.join(directory, name))));
  return found.some((entry) => entry?.kind === 'file');
}

/**
 * Builds a kustomization by `kustomize build` or `kubectl kustomize`, whichever PATH has first, in the work tree or
 * in a checkout of a revision. Rejects with a ProblemError for what they complain about.
 */
export async function buildKustomization(
  directory: string,
  options: KustomizeOptions,
  revision?: RevisionTree,
): Promise<Buffer> {
  if (/^[a-z+.-]+:\/\//i.test(directory)) {
    throw new ProblemError({
      code: 'UrlRefused',
      message: 'a kustomization is read from a directory, not from a URL',
      file: directory,
    });
  }
  if (revision) return await revision.checkOut(directory, (path) => build(path, directory, options));
  const path = resolve(options.cwd, directory);
  const stats = await stat(path).catch(() => undefined);
  if (!stats?.isDirectory()) {
    const message = stats ? 'is not a directory' : 'no such directory';
    throw new ProblemError({
      code: 'NotFound',
      message,
      file: directory,
      hint: '-k takes the directory that holds the kustomization.yaml',
    });
  }
  return await build(path, directory, options);
}

async function build(path: string, name: string, options: KustomizeOptions): Promise<Buffer> {
  for (const [program, args] of PROGRAMS) {
    const result = await run(program, [...args, path], options);
    if (result === undefined) continue;
    if (result.tooLarge) {
      throw new ProblemError({
        code: 'TooLarge',
        message: `the kustomization's output has more than ${options.maxBytes} bytes`,
        file: name,
      });
    }
    if (result.code === 0) return result.stdout;
    throw new ProblemError(complaint(program, result.stderr, path, name));
  }
  const message = 'neither kustomize nor kubectl is on PATH to build the kustomization';
  throw new ProblemError({
    code: 'NoKustomize',
    message,
    file: name,
    hint: 'install one: https://kubectl.docs.kubernetes.io/installation/kustomize/',
  });
}

interface RunResult {
  code: number | null;
  stdout: Buffer;
  stderr: string;
  tooLarge: boolean;
}

/** Undefined where there is no such program. */
function run(program: string, args: string[], options: KustomizeOptions): Promise<RunResult | undefined> {
  return new Promise((done, fail) => {
    options.signal.throwIfAborted();
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env,
      signal: options.signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    let size = 0;
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > options.maxBytes) child.kill('SIGKILL');
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < 64 * 1024) stderr += chunk.toString();
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'EACCES') done(undefined);
      else fail(options.signal.aborted ? options.signal.reason : error);
    });
    child.on('close', (code) =>
      done({ code, stdout: Buffer.concat(out), stderr, tooLarge: size > options.maxBytes }),
    );
  });
}

/** kustomize's last complaint in one sentence. It quotes literals of secret generators: those stay unsaid. */
function complaint(
  program: string,
  stderr: string,
  path: string,
  name: string,
): { code: string; message: string; file: string; hint?: string } {
  const lines = stderr
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^(# Warning|Flag |goroutine |\s)/i.test(line));
  const said = (lines.findLast((line) => /^error:/i.test(line)) ?? lines.at(-1) ?? '')
    .replace(LOGGED, (_line, text: string) => text.replaceAll('\\"', '"'))
    .replace(/^error:\s*/i, '');
  const named = said
    .replaceAll(path, name)
    .replaceAll(relative('/', path), name)
    .replace(/[\x00-\x1f\x7f-\x9f]/g, ' ')
    .slice(0, 1000);
  const hint = `see it whole with: ${program === 'kubectl' ? 'kubectl kustomize' : 'kustomize build'} ${name}`;
  if (/secret|literal|env source|\benvs?\b/i.test(said)) {
    const message = `${program} could not build the kustomization; what it says may quote a secret and is not repeated here`;
    return { code: 'Kustomize', message, file: name, hint };
  }
  return {
    code: 'Kustomize',
    message: `${program} could not build the kustomization: ${named || 'it gave no reason'}`,
    file: name,
    hint,
  };
}
