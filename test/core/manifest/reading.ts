import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type ReadInputs,
  type ReadOptions,
  type ReadResult,
  readManifests,
} from '../../../core/manifest/read.ts';

interface Test {
  teardown(end: () => Promise<void>): void;
}

/** A directory with these files, removed when the test ends. */
export async function directoryWith(t: Test, files: Record<string, string | Buffer> = {}): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'read-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(directory, dirname(name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return directory;
}

export function read(
  cwd: string,
  filenames: string[],
  more: Partial<ReadInputs & ReadOptions> = {},
): Promise<ReadResult> {
  const inputs = { filenames, recursive: false, ...more };
  const none = {
    cwd,
    env: process.env,
    signal: new AbortController().signal,
    stdin: async () => Buffer.alloc(0),
  };
  return readManifests(inputs, { ...none, ...more });
}

/** Reads one text as a file of its own. */
export function readText(text: string): Promise<ReadResult> {
  return read('/', ['-'], { stdin: async () => Buffer.from(text) });
}

export function configMap(name: string, more = ''): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n${more}`;
}

export const names = ({ manifests }: ReadResult): string[] => manifests.map(({ id }) => id.name);
export const places = ({ problems }: ReadResult): string[] =>
  problems.map(({ code, file, line, column }) =>
    [code, file, line, column].filter((part) => part !== undefined).join(' '),
  );
