import type { DeployTokenInfo, GitLabDeployTokens } from '../model/gitlab-agents.ts';
import { answer } from './answer.ts';
import type { GitLabOptions } from './connection.ts';
import { allPages, jsonRequests, projectPath } from './json-requests.ts';

/** Opens the deploy tokens of projects, for which one has to be a maintainer. */
export function openDeployTokens(options: GitLabOptions): GitLabDeployTokens {
  const ask = jsonRequests(options);
  return {
    list: (project) =>
      answer(async () => {
        const all = await allPages(ask, `${projectPath(project)}/deploy_tokens`);
        return all.filter(({ revoked, expired }) => revoked !== true && expired !== true).map(infoOf);
      }),
    create: (project, name) =>
      answer(async () => {
        const wanted = { name, scopes: ['read_repository'] };
        const { body } = await ask('POST', `${projectPath(project)}/deploy_tokens`, wanted);
        const made = body as Record<string, unknown>;
        return { ...infoOf(made), value: String(made.token) };
      }),
  };
}

function infoOf({ id, name, username }: Record<string, unknown>): DeployTokenInfo {
  return { id: Number(id), name: String(name), username: String(username) };
}
