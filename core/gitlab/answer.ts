import type { GitLabAnswer, GitLabFailure } from '../model/gitlab.ts';
import { GitLabError } from './requester.ts';

/** What came of a request, with a failure as a value. `isFine`: failures that mean that all is as wished. */
export async function answer<T>(
  ask: () => Promise<T>,
  isFine: (failure: GitLabFailure) => boolean = () => false,
): Promise<GitLabAnswer<T>> {
  try {
    return { ok: true, value: await ask() };
  } catch (error) {
    if (!(error instanceof GitLabError)) throw error;
    if (isFine(error.failure)) return { ok: true, value: undefined as T };
    return { ok: false, failure: error.failure };
  }
}

/** As `answer`; undefined where there is no such thing. Whose project is not there either has still a failure. */
export function answerIfAny<T>(ask: () => Promise<T>): Promise<GitLabAnswer<T | undefined>> {
  return answer<T | undefined>(ask, ({ status, message }) => status === 404 && !/404 Project /.test(message));
}
