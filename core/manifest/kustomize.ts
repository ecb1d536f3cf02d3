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

const MOST_WORDS = 300;

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
  const line = lines.findLast((one) => /^error:/i.test(one)) ?? lines.at(-1) ?? '';
  const said = withoutLog(line).replace(/^error:\s*/i, '');
  const named = said
    .replaceAll(path, name)
    .replaceAll(relative('/', path), name)
    .replace(/[\x00-\x1f\x7f-\x9f]/g, ' ');
  const hint = `see it whole with: ${program === 'kubectl' ? 'kubectl kustomize' : 'kustomize build'} ${name}`;
  if (/secret|literal|env source|\benvs?\b/i.test(said)) {
    const message = `${program} could not build the kustomization; what it says may quote a secret and is not repeated here`;
    return { code: 'Kustomize', message, file: name, hint };
  }
  return {
    code: 'Kustomize',
    message: `${program} could not build the kustomization: ${shortened(named) || 'it gave no reason'}`,
    file: name,
    hint,
  };
}

/** Some builds of kubectl say it through their log: `E1126 04:40:31.109573 18799 run.go:72] "command failed" err="…"`. */
function withoutLog(line: string): string {
  const said = /^[EF]\d{4} [\d:.]+ +\d+ \S+\] "command failed" err="((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  return said === undefined ? line : said.replace(/\\(.)/g, '$1');
}

/** It goes on in circles about what is missing; the hint says how to see all of it. */
function shortened(text: string): string {
  return text.length > MOST_WORDS ? `${text.slice(0, MOST_WORDS)}…` : text;
}
