import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isMap, isScalar, isSeq, parseDocument, type Range } from 'yaml';
import { ProblemError } from '../model/problem.ts';

/**
 * Writes renewed tokens into the auth-provider of a user, as kubectl does, but leaves everything else of the file
 * as it is, comments and layout included. Under kubectl's own lock (`FILE.lock`). Where the file can't be
 * written, is locked, or no longer has that user, nothing happens: the tokens are good for this command anyhow.
 */
export function saveProviderConfig(
  { file, user }: { file: string; user: string },
  config: Record<string, string>,
): void {
  try {
    rewriteFile(file, (text = '') => edit(text, user, config));
  } catch {
    // Nothing to tell: a person's login works now, and asks for a new login at worst.
  }
}

/**
 * Writes a kubeconfig file, whole or not at all, under kubectl's own lock. `change` gets what is in it, undefined where
 * there is no such file yet: that becomes one that nobody else can read. Throws ProblemError, and what `change` throws.
 */
export function writeKubeconfig(file: string, change: (text: string | undefined) => string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    rewriteFile(file, change);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    const { code = String(error) } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new ProblemError({
        code: 'KubeconfigLocked',
        message: `the kubeconfig ${file} is being written by another program`,
        hint: `try again; if there is no such program, delete ${file}.lock`,
      });
    const why = { EACCES: 'permission denied', EROFS: 'it is on a read-only file system' }[code] ?? code;
    throw new ProblemError({
      code: 'KubeconfigUnwritable',
      message: `the kubeconfig ${file} can't be written: ${why}`,
      hint: 'name another file with --kubeconfig',
    });
  }
}

function rewriteFile(file: string, change: (text: string | undefined) => string | undefined): void {
  const lock = `${file}.lock`;
  closeSync(openSync(lock, 'wx', 0));
  try {
    const target = realpathOf(file);
    const old = target === undefined ? undefined : readFileSync(target, 'utf8');
    const text = change(old);
    if (text !== undefined && text !== old) replaceFile(target ?? file, text);
  } finally {
    rmSync(lock, { force: true });
  }
}

/** What a link leads to is written, not the link; undefined where nothing is there. */
function realpathOf(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function edit(text: string, user: string, config: Record<string, string>): string | undefined {
  const document = parseDocument(text, { uniqueKeys: false });
  const users = document.get('users');
  if (document.errors.length > 0 || !isSeq(users)) return undefined;
  const index = users.items.findIndex((item) => isMap(item) && item.get('name') === user);
  const path = ['users', index, 'user', 'auth-provider', 'config'];
  if (index < 0 || !isMap(document.getIn(path))) return undefined;
  const places = Object.entries(config).map(([key, value]) => {
    const node = document.getIn([...path, key], true);
    return { value, range: isScalar(node) && !node.anchor && !node.tag ? node.range : undefined };
  });
  if (places.every(({ range }) => range)) return splice(text, places as { value: string; range: Range }[]);
  // A field that was not there yet: only the document knows how to add it.
  for (const [key, value] of Object.entries(config)) document.setIn([...path, key], value);
  return document.toString({ lineWidth: 0 });
}

/** JSON strings are YAML in every style of layout. */
function splice(text: string, places: { value: string; range: Range }[]): string {
  let result = text;
  for (const { value, range } of places.sort((a, b) => b.range[0] - a.range[0])) {
    result = result.slice(0, range[0]) + JSON.stringify(value) + result.slice(range[1]);
  }
  return result;
}

/** Whole or not at all, with the rights that it had. */
function replaceFile(file: string, text: string): void {
  const part = `${file}.${process.pid}.part`;
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0o600;
  try {
    writeFileSync(part, text, { mode: mode & 0o777 });
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}
