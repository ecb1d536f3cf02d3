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

type Refuse = (what: string, hint: string) => void;

/**
 * What the token surely can't do of what the inputs ask, said before anything else is done ("CI/CD job token": what
 * it has access to). Throws ProblemError; returns sentences about what is left out on its account.
 */
export function checkToken(token: Token | undefined, inputs: Inputs, job: Job): string[] {
  if (token && token.kind !== 'job') return [];
  const problems: Problem[] = [];
  const who = token ? 'a job token' : 'a request without a token';
  const refuse: Refuse = (what, hint) =>
    problems.push({ code: 'Token', message: `${who} can't ${what}`, hint: `${hint} as input token` });
  const notices = inputs.mode === 'diff' ? checkDiff(who, inputs, job, refuse) : [];
  if (inputs.mode !== 'diff') checkDelivery(inputs, job, refuse);
  const [first, ...more] = problems;
  if (first) throw new ProblemError(first, ...more);
  return notices;
}

function checkDiff(who: string, inputs: Inputs, { mergeRequest }: Job, refuse: Refuse): string[] {
  const { agent, configProject, paths, comment } = inputs;
  const notices: string[] = [];
  if (inputs.agentServer !== undefined && inputs.agentId === undefined)
    refuse(
      `look up the agent ${agent} of ${configProject}`,
      'give its number as input agent_id, or an access token with the scope read_api',
    );
  if (agent !== undefined && configProject !== undefined && paths.length === 0)
    notices.push(
      `all manifests are compared, not those of the entry of ${agent}: ${who} can't read ${configProject}; give an access token with the scope read_api as input token, or name them with input paths`,
    );
  if (!mergeRequest || comment === false) return notices;
  const needed = 'give a project or group access token with the scope api and the role Developer';
  if (comment) refuse('write notes on merge requests', needed);
  else
    notices.push(
      `no note is written on the merge request: ${who} can't do that; ${needed} as input token, or say comment: false`,
    );
  return notices;
}

function checkDelivery(inputs: Inputs, job: Job, refuse: Refuse): void {
  const { mode, strategy, images, environment, wait } = inputs;
  const writes = mode === 'deploy';
  const needed =
    'give an access token of that project with the scope api and the right to push to its branch';
  if (writes && strategy === 'config') refuse('commit to the configuration project', needed);
  if (writes && images.length > 0) refuse('commit to the manifest project', needed);
  const waits = mode === 'wait' || wait;
  const reads = job.isPublic && hasOwnManifests({ inputs, job });
  if (waits && environment === undefined && !reads)
    refuse(
      'read commit statuses',
      'name the environment of the entry, whose deployments it can read, or give an access token with the scope read_api',
    );
}
