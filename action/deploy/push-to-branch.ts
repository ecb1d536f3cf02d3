import { join } from 'node:path';
import { pushBranch } from '../../core/git/push.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { type Desk, defaultBranch } from '../desk.ts';
import { openJobRepository } from '../repository.ts';
import { Lineage } from '../wait/lineage.ts';
import type { Pointed } from './point-config.ts';

const PAUSE = 500;

/**
 * Moves the branch that the agent follows to the commit, fast-forward only unless told otherwise, and never over
 * somebody else's push that was not looked at. Throws ProblemError where that can't be done.
 */
export async function pushToBranch(desk: Desk, project: string, commit: string): Promise<Pointed> {
  const { inputs, host, env, signal, token, sleep, random, now, deadline } = desk;
  const branch = inputs.branch ?? (await defaultBranch(desk, project));
  const lineage = new Lineage(desk.gitlab, project);
  await using repository = await openJobRepository(desk, project);
  for (let attempt = 1; ; attempt += 1) {
    const ref = `refs/heads/${branch}`;
    const found = await repository.source.refs([ref], signal);
    if (!found.ok) throw new ProblemError(found.failure);
    const current = found.refs.get(ref)?.oid;
    if (current !== undefined && (await isThere(lineage, current, commit, inputs.force))) {
      host.say(`${branch} of ${project} contains ${commit.slice(0, 12)} already`);
      return { state: 'already' };
    }
    if (current !== undefined && !inputs.force) await demandFastForward(lineage, { branch, current, commit });
    const pushed = await pushBranch({
      ...repository,
      env,
      directory: join(repository.directory, `push-${attempt}`),
      commit,
      branch,
      ...(current !== undefined && { expected: current }),
      signal,
    });
    if (pushed.ok) {
      host.say(
        `${branch} of ${project} moved from ${current?.slice(0, 12) ?? 'nowhere'} to ${commit.slice(0, 12)}`,
      );
      if (token?.kind === 'job') host.warn('a push with a job token starts no pipeline');
      return { state: 'moved', ...(current !== undefined && { previous: current }) };
    }
    if (pushed.kind === 'refused')
      throw new ProblemError({
        ...pushed.failure,
        hint:
          token?.kind === 'job'
            ? 'a job token pushes to its own project only, where its settings allow it; or give an access token with write_repository'
            : `the token needs the scope write_repository and the right to push to ${branch}`,
      });
    if (pushed.kind === 'failed' || now() >= deadline) throw new ProblemError(pushed.failure);
    await sleep(PAUSE * random());
  }
}

/** With `force`, a branch that is ahead of the commit is to go back. */
async function isThere(lineage: Lineage, current: string, commit: string, force: boolean): Promise<boolean> {
  return current === commit || (!force && (await lineage.contains(current, commit)) === true);
}

async function demandFastForward(
  lineage: Lineage,
  { branch, current, commit }: { branch: string; current: string; commit: string },
): Promise<void> {
  const isForward = await lineage.contains(commit, current);
  if (isForward) return;
  const message =
    isForward === false
      ? `${branch} is at ${current.slice(0, 12)}, which ${commit.slice(0, 12)} does not contain`
      : `whether ${commit.slice(0, 12)} contains ${current.slice(0, 12)}, where ${branch} is, can't be told`;
  throw new ProblemError({
    code: 'NotForward',
    message: `${message}: the branch was not moved`,
    hint: 'somebody else moved it; force: true moves it nevertheless',
  });
}
