import type { GitLabOptions } from '../../core/gitlab/connection.ts';
import { openDeployTokens } from '../../core/gitlab/deploy-tokens.ts';
import { openGitLab } from '../../core/gitlab/gitlab.ts';
import type { ManifestEntry } from '../../core/model/agent-config.ts';
import { dig, isObject } from '../../core/model/json.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { gitlabProblem } from '../gitlab/access.ts';
import type { SecretData } from '../install/secrets.ts';
import { SECRETS } from '../install/settings.ts';
import type { Io } from '../io.ts';

const ROLE =
  'deploy tokens are made by maintainers of the project, with a token of the scope api; or hand one over: --git-token-file';

/** The projects of this GitLab that an agent reads. Throws ProblemError for numbers that mean none. */
export async function projectsToRead(
  configProject: string,
  entries: readonly ManifestEntry[],
  access: GitLabOptions,
): Promise<string[]> {
  const projects = new Set([configProject]);
  for (const { name, repository } of entries) {
    if ('project' in repository) projects.add(repository.project);
    if (!('projectId' in repository)) continue;
    const found = await openGitLab(access).project(String(repository.projectId));
    if (!found.ok) throw gitlabProblem(`the project of the entry ${name} can't be found`, found.failure);
    projects.add(found.value.path);
  }
  return [...projects];
}

/**
 * Deploy tokens for the projects that the Secret has no good one for, by the Secret's keys: `group__project.token`. Throws
 * ProblemError where one can't be made.
 */
export async function readingTokens(
  agent: string,
  projects: readonly string[],
  live: readonly Manifest[],
  access: GitLabOptions,
  io: Io,
): Promise<SecretData> {
  const secret = live.find(({ id }) => id.name === SECRETS.git)?.object;
  const held = isObject(secret?.data) ? secret.data : {};
  // One for all projects was handed over.
  if (held.token !== undefined) return {};
  const tokens = openDeployTokens(access);
  const fresh: Record<string, string> = {};
  for (const project of projects) {
    const prefix = project.split('/').join('__');
    const listed = await tokens.list(project);
    if (!listed.ok)
      throw gitlabProblem(`the deploy tokens of ${project} can't be read`, listed.failure, ROLE);
    const username = Buffer.from(String(dig(held, `${prefix}.username`) ?? ''), 'base64').toString();
    const isGood = listed.value.some((token) => token.username === username);
    if (isGood && held[`${prefix}.token`] !== undefined) continue;
    const made = await tokens.create(project, `kubectl gitlab-agent: ${agent}`);
    if (!made.ok) throw gitlabProblem(`${project} gets no deploy token`, made.failure, ROLE);
    io.err(`made the deploy token ${made.value.username} of ${project}, for reading\n`);
    fresh[`${prefix}.username`] = made.value.username;
    fresh[`${prefix}.token`] = made.value.value;
  }
  return fresh;
}
