import { isDnsLabel } from '../../core/model/dns-label.ts';
import { ProblemError } from '../../core/model/problem.ts';

/** The name of an agent as GitLab takes it. Throws ProblemError. */
export function checkedName(name: string | undefined, command: string): string {
  if (name === undefined || name === '')
    throw usage('say which agent', `kubectl gitlab-agent ${command} production`);
  if (isDnsLabel(name)) return name;
  throw usage(
    `an agent can't be called ${JSON.stringify(name)}`,
    'lower case letters, digits and dashes, at most 63',
  );
}

/** The number of an agent. Throws ProblemError. */
export function checkedAgentId(id: number | undefined): number {
  if (id !== undefined && Number.isSafeInteger(id) && id > 0) return id;
  throw usage(
    id === undefined ? '--agent-id is missing' : '--agent-id is no number of an agent',
    'it is 1 or more; GitLab has it, or the registry of the agent server',
  );
}

function usage(message: string, hint: string): ProblemError {
  return new ProblemError({ code: 'Usage', message, hint });
}
