/** Writes commits into a bare repository, by `git fast-import`: any file name, any content, no work tree. */
import { randomUUID } from 'node:crypto';
import { GitError, git, gitText } from './git-process.ts';

export interface Person {
  name: string;
  email: string;
}

export type TreeChange =
  | { path: string; content: string | Buffer; mode?: '100644' | '100755' | '120000' }
  /** A blob that the repository has already, or the commit of a submodule. */
  | { path: string; object: string; mode: '100644' | '100755' | '120000' | '160000' }
  | { path: string; remove: true };

export interface CommitPlan {
  /** The commit that it follows, undefined for one without parents. */
  parent: string | undefined;
  changes: readonly TreeChange[];
  message: string;
  author: Person;
  committer: Person;
  date: Date;
}

/** The branch does not point to where it was expected any more. */
export class RefMoved extends Error {}

const ZERO = '0'.repeat(40);

/**
 * Writes the commit and points the branch at it, if that still points to `expected` (undefined: does not exist).
 * Rejects with RefMoved where it does not.
 */
export async function writeCommit(
  cwd: string,
  branch: string,
  expected: string | undefined,
  plan: CommitPlan,
): Promise<string> {
  const temporary = `refs/stand-in/${randomUUID()}`;
  const printed = await gitText(['fast-import', '--quiet', '--done', '--date-format=raw'], {
    cwd,
    input: importStream(temporary, plan),
  });
  const sha = printed.trim();
  const swap = `update refs/heads/${branch} ${sha} ${expected ?? ZERO}\ndelete ${temporary}\n`;
  try {
    await git(['update-ref', '--stdin'], { cwd, input: `start\n${swap}prepare\ncommit\n` });
  } catch (error) {
    await git(['update-ref', '-d', temporary], { cwd });
    if (error instanceof GitError && /cannot lock ref|reference already exists/.test(error.stderr))
      throw new RefMoved(branch, { cause: error });
    throw error;
  }
  return sha;
}

function importStream(ref: string, plan: CommitPlan): (string | Buffer)[] {
  const seconds = Math.floor(plan.date.getTime() / 1000);
  // Git has no way to write these in a name; GitLab leaves them out too.
  const plain = (text: string): string => text.replace(/[<>\n]/g, '');
  const by = ({ name, email }: Person): string => `${plain(name)} <${plain(email)}> ${seconds} +0000\n`;
  const parts: (string | Buffer)[] = [
    `commit ${ref}\nmark :1\nauthor ${by(plan.author)}committer ${by(plan.committer)}`,
    ...data(plan.message),
    plan.parent === undefined ? '' : `from ${plan.parent}\n`,
  ];
  for (const change of plan.changes) {
    const path = quoted(change.path);
    if ('remove' in change) parts.push(`D ${path}\n`);
    else if ('object' in change) parts.push(`M ${change.mode} ${change.object} ${path}\n`);
    else parts.push(`M ${change.mode ?? '100644'} inline ${path}\n`, ...data(change.content));
  }
  parts.push('\nget-mark :1\ndone\n');
  return parts.filter((part) => part.length > 0);
}

function data(content: string | Buffer): (string | Buffer)[] {
  return [`data ${Buffer.byteLength(content)}\n`, content, '\n'];
}

function quoted(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
