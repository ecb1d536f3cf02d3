import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { IgnoreRule } from '../../core/model/ignore.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { DiffFlags } from '../commands/diff.ts';

/** Refuses combinations of flags that mean nothing, each with one sentence. */
export function checkInputs(flags: DiffFlags): void {
  const files = (flags.filename ?? []).length > 0;
  const refuse = (message: string, hint: string): never => {
    throw new ProblemError({ code: 'Usage', message, hint });
  };
  if (!files && flags.kustomize === undefined) {
    refuse('say what to compare: -f or -k is missing', 'kubectl gitlab-agent diff -f DIRECTORY -R');
  }
  if ([...(flags.filename ?? []), flags.kustomize].includes('')) {
    refuse('the path after -f or -k is empty', 'is a variable of the script not set?');
  }
  if (files && flags.kustomize !== undefined)
    refuse('-f and -k exclude each other', 'run diff once for each');
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
  const { readIgnoreRules } = await import('../../core/config/ignore-rules.ts');
  const { rules, problems } = readIgnoreRules(text, file);
  if (problems.length > 0) throw new ProblemError(...problems);
  return rules;
}
