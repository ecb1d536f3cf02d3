/** The projects of a small company, and an agent that says what a test wants it to say. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { openGitLab } from '../../core/gitlab/gitlab.ts';
import type { CommitState, DeploymentState } from '../../core/model/gitlab.ts';
import { type GitLab, type GitLabOptions, startGitLab } from '../support/gitlab/gitlab.ts';
import type { Project } from '../support/gitlab/project.ts';

export interface Company {
  gitlab: GitLab;
  /** `group/shop`: manifests. */
  shop: Project;
  /** `group/agents`: configurations. */
  agents: Project;
  /** A token of the administrator with the scope api. */
  token: string;
  /** What an agent reports. */
  report: (commit: string, state: CommitState, description: string, name?: string) => Promise<void>;
  deployed: (commit: string, state: DeploymentState, environment?: string) => Promise<void>;
}

export async function company(t: ExecutionContext, options?: GitLabOptions): Promise<Company> {
  const gitlab = await startGitLab(options);
  t.teardown(() => gitlab[Symbol.asyncDispose]());
  const shop = await gitlab.createProject('group/shop');
  const agents = await gitlab.createProject('group/agents');
  const token = gitlab.root.createToken({ scopes: ['api'] }).value;
  const api = openGitLab({
    url: gitlab.url,
    token: () => Promise.resolve(token),
    signal: new AbortController().signal,
    sleep: (ms) => delay(ms),
    random: Math.random,
    userAgent: 'test',
  });
  const demand = (answer: { ok: boolean; failure?: { message: string } }): void => {
    if (!answer.ok) throw new Error(answer.failure?.message);
  };
  return {
    gitlab,
    shop,
    agents,
    token,
    report: async (commit, state, description, name = 'gitlab-agent/production') =>
      demand(await api.setStatus('group/shop', commit, { state, name, description })),
    deployed: async (commit, state, environment = 'production') =>
      demand(
        await api.createDeployment('group/shop', {
          environment,
          sha: commit,
          ref: 'main',
          tag: false,
          state,
        }),
      ),
  };
}

export const CONFIG = '.gitlab/agents/production/config.yaml';

/** A configuration with one entry, and some layout that has to stay. */
export function config(ref = ''): string {
  return `# Who runs what.
gitops:
  manifest_projects:
    - id: "group/shop"   # the shop
      name: shop
${ref}
      paths:
        - glob: 'k8s/**/*.yaml'
`;
}
