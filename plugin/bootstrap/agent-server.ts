import type { GitLabOptions } from '../../core/gitlab/connection.ts';
import { openProjects } from '../../core/gitlab/projects.ts';
import { dig } from '../../core/model/json.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { BootstrapFlags } from '../commands/bootstrap.ts';
import { gitlabProblem } from '../gitlab/access.ts';
import type { LiveInstall } from '../install/live-install.ts';
import { hasAgentToken, type SecretData } from '../install/secrets.ts';
import { SECRETS, TOKEN_ID_ANNOTATION } from '../install/settings.ts';

/**
 * kubectl's --server says where the API server is; with a scheme that only agent servers have, it says where the agent
 * server is. Throws ProblemError.
 */
export function withAgentServer(flags: BootstrapFlags): BootstrapFlags {
  const { server, ...others } = flags;
  if (server === undefined || !/^(grpcs?|wss?):/i.test(server)) return flags;
  if (flags.kasAddress === undefined || flags.kasAddress === server)
    return { ...others, kasAddress: server } as BootstrapFlags;
  throw new ProblemError({
    code: 'Usage',
    message: `--server and --kas-address name two agent servers`,
    hint: 'leave one of them',
  });
}

/**
 * Whether GitLab is to make the agent's token: none is given, and there is none but of GitLab's making, which `register`
 * sees to that it is good.
 */
export function getsTokenOfGitLab(live: LiveInstall, given: Readonly<Record<string, SecretData>>): boolean {
  if (given[SECRETS.agent] !== undefined) return false;
  const secret = live.secrets.find(({ id }) => id.name === SECRETS.agent)?.object;
  const isOfGitLab = dig(secret, 'metadata', 'annotations', TOKEN_ID_ANNOTATION) !== undefined;
  return isOfGitLab || !hasAgentToken(live, given);
}

/**
 * GitLab lets an agent read its configuration project and what everybody may read (`project_info` of its internal API).
 * Throws ProblemError for projects that are neither.
 */
export async function checkReadable(
  configProject: string,
  projects: readonly string[],
  access: GitLabOptions,
): Promise<void> {
  const hidden: string[] = [];
  for (const project of projects) {
    if (project.toLowerCase() === configProject.toLowerCase()) continue;
    const found = await openProjects(access).details(project);
    if (!found.ok) throw gitlabProblem(`the project ${project} can't be read`, found.failure);
    if (!found.value.isPublic) hidden.push(project);
  }
  if (hidden.length === 0) return;
  throw new ProblemError({
    code: 'NotReadable',
    message: `GitLab lets an agent read its configuration project and public projects only, and not ${hidden.join(' and ')}`,
    hint: `keep the manifests in ${configProject}, or give the agent a token of a server that has a registry (gitlab-agent-server token create --allow=${hidden[0]}): --token-file FILE`,
  });
}
