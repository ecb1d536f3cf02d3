import { setRef } from '../../core/config/set-ref.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { Io } from '../io.ts';
import { openPersonRepository } from '../repositories/open-person-repository.ts';

/** Where the configuration of an agent is. */
export interface ConfigurationPlace {
  agent: string;
  /** The URL of GitLab. */
  gitlab: string;
  /** Path of the configuration project. */
  project: string;
}

const MAX_BYTES = 1024 * 1024;

/**
 * Sets `ref.commit` of an entry in the agent's configuration and pushes that to the default branch of its project.
 * Returns what was done, in a sentence. Throws ProblemError with what to do by hand where it can't be pushed.
 */
export async function pointAgent(
  { agent, gitlab, project }: ConfigurationPlace,
  entry: string,
  commit: string,
  io: Io,
): Promise<string> {
  const gitlabUrl = gitlab.replace(/\/+$/, '');
  const repository = openPersonRepository(`${gitlabUrl}/${project}.git`, io);
  const file = `.gitlab/agents/${agent}/config.yaml`;
  const byHand = `by hand: ref: {commit: ${commit}} for the entry ${entry} in ${file} of ${project}`;
  const head = (await repository.refs(['HEAD'])).get('HEAD');
  const branch = head?.target?.replace(/^refs\/heads\//, '');
  if (!head?.oid || branch === undefined)
    throw new ProblemError({
      code: 'NoBranch',
      message: `${project} has no default branch that could be told`,
      hint: byHand,
    });
  const tree = await repository.open(head.oid);
  let text: string;
  try {
    text = (await tree.read(file, MAX_BYTES)).toString('utf8');
  } finally {
    await tree.close();
  }
  const edited = setRef(text, { name: entry }, { commit }, { file, configProject: project, gitlabUrl });
  if ('problems' in edited) throw new ProblemError(...edited.problems);
  if (edited.text === text) return `${file} of ${project} says so already`;
  const message = `Point ${agent} at ${commit.slice(0, 12)} of ${entry}\n`;
  const change = { branch, parent: head.oid, path: file, content: edited.text, message };
  const made = await repository.commitFile(change).catch((error: unknown) => {
    if (!(error instanceof ProblemError)) throw error;
    throw new ProblemError(...error.problems.map((problem) => ({ ...problem, hint: byHand })));
  });
  return `${branch} of ${project} is at ${made.slice(0, 12)}, and points ${entry} at ${commit.slice(0, 12)}; a branch is followed again once ref says so`;
}
