import type { TokenKind } from '../core/model/gitlab-projects.ts';
import { type Problem, ProblemError } from '../core/model/problem.ts';
import { hasOwnManifests } from './desk.ts';
import type { Inputs } from './inputs.ts';
import type { Job } from './job.ts';

/** What requests are made with. */
export interface Token {
  value: string;
  kind: TokenKind;
}

/** The token of the inputs, else that of the job; undefined where there is neither. */
export function tokenOf(inputs: Pick<Inputs, 'token'>, job: Pick<Job, 'jobToken'>): Token | undefined {
  const value = inputs.token ?? job.jobToken;
  if (value === undefined) return undefined;
  if (value === job.jobToken || value.startsWith('glcbt-')) return { value, kind: 'job' };
  // OAuth tokens are 64 hexadecimal digits; all others have a prefix, or did not have one (before 14.5) and 20 letters.
  return { value, kind: /^[0-9a-f]{64}$/.test(value) ? 'oauth' : 'access' };
}

/**
 * What the token surely can't do of what the inputs ask, said before anything else is done ("CI/CD job token": what
 * it has access to). Throws ProblemError; returns sentences about what is left out on its account.
 */
export function checkToken(token: Token | undefined, inputs: Inputs, job: Job): string[] {
  const problems: Problem[] = [];
  const refuse = (what: string, hint: string): void => {
    const who = token ? 'a job token' : 'a request without a token';
    problems.push({ code: 'Token', message: `${who} can't ${what}`, hint: `${hint} as input token` });
  };
  if (token && token.kind !== 'job') return [];
  const { mode, strategy, images, environment, wait } = inputs;
  if (mode === 'diff') {
    if (!job.mergeRequest || inputs.comment === false) return [];
    const needed = 'give a project or group access token with the scope api and the role Developer';
    if (inputs.comment) refuse('write notes on merge requests', needed);
    else
      return [
        `no note is written on the merge request: a job token can't do that; ${needed} as input token, or say comment: false`,
      ];
  } else {
    const writes = mode === 'deploy';
    if (writes && strategy === 'config')
      refuse(
        'commit to the configuration project',
        'give an access token of that project with the scope api and the right to push to its branch',
      );
    if (writes && images.length > 0)
      refuse(
        'commit to the manifest project',
        'give an access token of that project with the scope api and the right to push to its branch',
      );
    const waits = mode === 'wait' || wait;
    const reads = job.isPublic && hasOwnManifests({ inputs, job });
    if (waits && environment === undefined && !reads)
      refuse(
        'read commit statuses',
        'name the environment of the entry, whose deployments it can read, or give an access token with the scope read_api',
      );
  }
  const [first, ...more] = problems;
  if (first) throw new ProblemError(first, ...more);
  return [];
}
