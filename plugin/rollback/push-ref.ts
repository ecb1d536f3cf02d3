import { BRANCH_MOVED, type PersonRepository } from '../../core/git/person-repository.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { Io } from '../io.ts';
import { openPersonRepository } from '../repositories/open-person-repository.ts';
import type { Made, Pointing } from './pointing.ts';

const MAX_BYTES = 1024 * 1024;
/** Who loses that many races has lost them to a program. */
const ATTEMPTS = 5;

/**
 * Commits the other ref and pushes it with the person's own Git credentials. Where somebody else was there first it is
 * worked out anew from what they left. Returns the problem where git can't read or push; throws ProblemError for what
 * another way to write would not mend.
 */
export async function pushRef(pointing: Pointing, io: Io): Promise<Made | ProblemError> {
  const { gitlabUrl, project } = pointing;
  const repository = openPersonRepository(`${gitlabUrl}/${project}.git`, io);
  for (let attempt = 1; ; attempt += 1) {
    const read = await unlessRefused(readFile(repository, pointing));
    if (read instanceof ProblemError) return read;
    const { branch, parent, text } = read;
    const edited = pointing.edit(text);
    if ('problems' in edited) throw new ProblemError(...edited.problems);
    if (edited.text === text) return { branch };
    const message = `${pointing.message}\n`;
    const change = { branch, parent, path: pointing.file, content: edited.text, message };
    const commit = await unlessRefused(repository.commitFile(change));
    if (!(commit instanceof ProblemError)) return { branch, commit };
    if (commit.problems[0]!.code !== BRANCH_MOVED || attempt === ATTEMPTS) return commit;
  }
}

async function readFile(
  repository: PersonRepository,
  { project, file, byHand }: Pointing,
): Promise<{ branch: string; parent: string; text: string } | ProblemError> {
  const head = (await repository.refs(['HEAD'])).get('HEAD');
  const branch = head?.target?.replace(/^refs\/heads\//, '');
  if (!head?.oid || branch === undefined)
    return new ProblemError({
      code: 'NoBranch',
      message: `${project} has no default branch that could be told`,
      hint: byHand,
    });
  const tree = await repository.open(head.oid);
  try {
    const text = (await tree.read(file, MAX_BYTES)).toString('utf8');
    return { branch, parent: head.oid, text };
  } finally {
    await tree.close();
  }
}

async function unlessRefused<T>(asked: Promise<T>): Promise<T | ProblemError> {
  return await asked.catch((error: unknown) => {
    if (error instanceof ProblemError) return error;
    throw error;
  });
}
