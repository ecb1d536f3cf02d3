import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { decodeConfig } from '../../core/config/document.ts';
import type { EntrySelector } from '../../core/config/set-ref.ts';
import { type Setting, setValue } from '../../core/config/set-value.ts';
import { workTree } from '../../core/manifest/work-tree.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { escapeUnsafe } from '../../core/report/escape.ts';
import type { EditFlags } from '../commands/config.ts';
import type { Io } from '../io.ts';
import { fileOf, MAX_BYTES, SOME_GITLAB, SOME_PROJECT } from './run-config.ts';

/** Runs `config edit` and returns its exit code. Throws ProblemError, and then nothing is written. */
export async function editConfig(flags: EditFlags, io: Io): Promise<number> {
  const file = fileOf(flags, 'edit');
  const settings = settingsOf(flags);
  const bytes = file === '-' ? await io.stdin() : await workTree(io.cwd).read(file, MAX_BYTES);
  const decoded = decodeConfig(bytes, file, MAX_BYTES);
  if (!('text' in decoded)) throw new ProblemError(decoded);
  const context = {
    file,
    configProject: flags.configProject ?? SOME_PROJECT,
    gitlabUrl: flags.gitlabUrl ?? SOME_GITLAB,
  };
  // A byte order mark is a part of the layout.
  const before = bytes.toString('utf8');
  let text = before;
  for (const setting of settings) {
    const edited = setValue(text, setting, context);
    if ('problems' in edited) throw new ProblemError(...edited.problems);
    text = edited.text;
  }
  if (file === '-') io.out(text);
  else if (text === before) io.err(`${escapeUnsafe(file)}: says so already\n`);
  else {
    write(resolve(io.cwd, file), text, file);
    io.err(`${escapeUnsafe(file)}: changed\n`);
  }
  return 0;
}

function settingsOf({ entry, set = [], unset = [] }: EditFlags): Setting[] {
  const selector: EntrySelector | undefined =
    entry === undefined ? undefined : entry.includes('/') ? { project: entry } : { name: entry };
  const within = selector && { entry: selector };
  const settings = [
    ...set.map((text): Setting => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      if (key === undefined) throw usage(`--set takes KEY=VALUE, not ${JSON.stringify(text)}`);
      if (value === '')
        throw usage(`the value of ${key} is empty`, `--unset ${key} removes it; '""' is an empty text`);
      return { ...within, path: pathOf(key), value };
    }),
    ...unset.map((key): Setting => ({ ...within, path: pathOf(key), value: undefined })),
  ];
  if (settings.length === 0)
    throw usage('say what to change: --set or --unset is missing', '--set ref.branch=main');
  return settings;
}

function pathOf(key: string): Setting['path'] {
  const [first, ...more] = key.split('.');
  if (first && more.every((part) => part !== '')) return [first, ...more];
  throw usage(`${JSON.stringify(key)} is no key`, 'write it with dots: ref.branch');
}

/** Whoever reads it meanwhile sees the old or the new one. */
function write(path: string, text: string, file: string): void {
  const beside = `${path}.new`;
  try {
    writeFileSync(beside, text, { mode: statSync(path).mode & 0o777, flag: 'wx' });
    renameSync(beside, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') rmSync(beside, { force: true });
    const message = code === 'EEXIST' ? `${file}.new is in the way` : `the file can't be written: ${code}`;
    throw new ProblemError({ code: 'WriteFailed', file, message });
  }
}

function usage(message: string, hint?: string): ProblemError {
  return new ProblemError({ code: 'Usage', message, ...(hint && { hint }) });
}
