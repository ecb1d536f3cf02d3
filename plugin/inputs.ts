import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { openRevision } from '../core/git/repository.ts';
import { type ReadInputs, type ReadOptions, type ReadResult, readManifests } from '../core/manifest/read.ts';
import type { IgnoreRule } from '../core/model/ignore.ts';
import type { Manifest } from '../core/model/manifest.ts';
import { ProblemError } from '../core/model/problem.ts';
import { oneLine } from '../core/report/escape.ts';
import type { Io } from './io.ts';
import type { Progress } from './progress.ts';

/** The flags that say what to read. */
export interface InputFlags {
  filename?: string[] | undefined;
  kustomize?: string | undefined;
  recursive: boolean;
  rev?: string | undefined;
  v: number;
}

/** Refuses combinations of flags that mean nothing, each with one sentence. `verb` is what the command does. */
export function checkInputs(flags: InputFlags, command: string, verb: string): void {
  const files = (flags.filename ?? []).length > 0;
  const refuse = (message: string, hint: string): never => {
    throw new ProblemError({ code: 'Usage', message, hint });
  };
  if (!files && flags.kustomize === undefined) {
    refuse(`say what to ${verb}: -f or -k is missing`, `kubectl gitlab-agent ${command} -f DIRECTORY -R`);
  }
  if ([...(flags.filename ?? []), flags.kustomize].includes('')) {
    refuse('the path after -f or -k is empty', 'is a variable of the script not set?');
  }
  if (flags.rev === '') refuse('the revision after --rev is empty', 'is a variable of the script not set?');
  if (files && flags.kustomize !== undefined)
    refuse('-f and -k exclude each other', `run ${command} once for each`);
  if (!Number.isInteger(flags.v) || flags.v < 0) refuse('-v takes a number', '-v=6 shows the requests');
  if (flags.rev !== undefined && flags.filename?.includes('-')) {
    refuse('--rev reads from Git, and - is standard input', 'leave one of the two out');
  }
}

export async function readIgnoreFile(file: string | undefined, cwd: string): Promise<IgnoreRule[]> {
  if (file === undefined) return [];
  let text: string;
  try {
    text = readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const why =
      { ENOENT: 'there is no such file', EISDIR: 'it is a directory', EACCES: 'no permission' }[code] ?? code;
    throw new ProblemError({ code: 'IgnoreFile', message: `the ignore file can't be read: ${why}`, file });
  }
  // A YAML library with positions, for the few runs that have such a file.
  const { readIgnoreRules } = await import('../core/config/ignore-rules.ts');
  const { rules, problems } = readIgnoreRules(text, file);
  if (problems.length > 0) throw new ProblemError(...problems);
  return rules;
}

/** An empty input is rather a mistake before us (a failed `helm template | …`) than a wish for nothing. */
export function noObjects({ filename = [], kustomize }: InputFlags): ProblemError {
  const names = kustomize ?? filename.map((name) => (name === '-' ? 'standard input' : name)).join(', ');
  const hint = filename.includes('-') ? 'did the command before the pipe fail?' : undefined;
  return new ProblemError({
    code: 'NoObjects',
    message: `there are no objects in ${names}`,
    ...(hint && { hint }),
  });
}

/** Reads the inputs of the command at one revision, or in the work tree. Throws all problems at once. */
export async function readInputs(
  flags: InputFlags,
  io: Io,
  progress: Progress,
  at: {
    revision: string | undefined;
    allowAbsent: boolean;
    namespace?: string;
    onManifest?: (manifest: Manifest) => void;
  },
): Promise<ReadResult> {
  const inputs: ReadInputs = {
    filenames: flags.filename ?? [],
    recursive: flags.recursive,
    ...(flags.kustomize !== undefined && { kustomizations: [flags.kustomize] }),
    ...(at.revision !== undefined && { revision: at.revision }),
  };
  const options: ReadOptions = {
    cwd: io.cwd,
    stdin: io.stdin,
    env: io.env,
    signal: io.signal,
    openRevision: openRevision({ cwd: io.cwd, env: io.env, signal: io.signal }),
    allowAbsent: at.allowAbsent,
    ...(at.namespace !== undefined && { defaultNamespace: at.namespace }),
    ...(at.onManifest && { onManifest: at.onManifest }),
  };
  const result = await readManifests(inputs, options);
  for (const notice of result.notices) progress.say(`notice: ${oneLine(notice)}`);
  if (result.problems.length > 0) throw new ProblemError(...result.problems);
  return result;
}
