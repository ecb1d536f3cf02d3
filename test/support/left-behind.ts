import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What tests have left of themselves. */
export interface LeftBehind {
  /** Names in the folder that was theirs. */
  files: string[];
  /** Process ids with their command lines; none can be seen where there is no /proc. */
  processes: { pid: number; command: string }[];
}

/** What is still there of those whose folder for temporary files was `directory`: they work in it or were told of it. */
export function leftBehind(directory: string): LeftBehind {
  return { files: readdirSync(directory).sort(), processes: processesOf(directory) };
}

function processesOf(directory: string): LeftBehind['processes'] {
  const pids = tryRead(() => readdirSync('/proc'), []).filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    // Those that ended since they were listed, and those of others, can't be read.
    const folder = tryRead(() => readlinkSync(join('/proc', pid, 'cwd')), '');
    const environment = tryRead(() => readFileSync(join('/proc', pid, 'environ'), 'utf8'), '');
    if (!`${folder}/`.startsWith(`${directory}/`) && !environment.includes(directory)) return [];
    const command = tryRead(() => readFileSync(join('/proc', pid, 'cmdline'), 'utf8'), '');
    return command === '' ? [] : [{ pid: Number(pid), command: command.replaceAll('\0', ' ').trim() }];
  });
}

function tryRead<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
