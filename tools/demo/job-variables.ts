import type { ExampleProjects } from '../../test/support/gitlab/example-projects.ts';
import type { GitLab } from '../../test/support/gitlab/gitlab.ts';

/** What GitLab gives a job of the manifest project, and Ada's token; no job has a cluster at hand. */
export function jobVariables(
  gitlab: Pick<GitLab, 'url'>,
  { manifests, person }: Pick<ExampleProjects, 'manifests' | 'person'>,
): Record<string, string> {
  return {
    GITLAB_CI: 'true',
    CI_SERVER_URL: gitlab.url,
    CI_PROJECT_ID: String(manifests.id),
    CI_PROJECT_PATH: manifests.path,
    CI_DEFAULT_BRANCH: manifests.defaultBranch,
    CI_PIPELINE_ID: '1',
    GITLAB_USER_LOGIN: 'ada',
    GITLAB_AGENT_TOKEN: person.value,
    KUBECONFIG: '',
  };
}
