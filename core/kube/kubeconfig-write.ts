import {
  closeSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { isMap, isScalar, isSeq, parseDocument, type Range } from 'yaml';

/**
 * Writes renewed tokens into the auth-provider of a user, as kubectl does, but leaves everything else of the file
 * as it is, comments and layout included. Under kubectl's own lock (`FILE.lock`). Where the file can't be
 * written, is locked, or no longer has that user, nothing happens: the tokens are good for this command anyhow.
 */
export function saveProviderConfig(
  { file, user }: { file: string; user: string },
  config: Record<string, string>,
): void {
  let locked = false;
  try {
    const target = realpathSync(file);
    closeSync(openSync(`${target}.lock`, 'wx', 0));
    locked = true;
    const text = edit(readFileSync(target, 'utf8'), user, config);
    if (text !== undefined) replaceFile(target, text);
  } catch {
    // Nothing to tell: a person's login works now, and asks for a new login at worst.
  } finally {
    if (locked) rmSync(`${realpathSync(file)}.lock`, { force: true });
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
  try {
    writeFileSync(part, text, { mode: statSync(file).mode & 0o777 });
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}
