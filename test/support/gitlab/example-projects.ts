/** Two projects for a person to play with: an agent's configuration, and the manifests of the shop. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccessToken } from './access-token.ts';
import type { GitLab } from './gitlab.ts';
import type { Project } from './project.ts';
import type { DeployToken } from './project-credentials.ts';

const SHOP = join(import.meta.dirname, '..', '..', '..', 'examples', 'shop');
const CONFIGURATION = `gitops:
  manifest_projects:
    - id: demo/shop
      name: shop
`;

export interface ExampleProjects {
  configuration: Project;
  manifests: Project;
  /** Ada's, maintainer of both projects: everything. */
  person: AccessToken;
  /** One for each project: only `git fetch`. */
  reading: Record<'configuration' | 'manifests', DeployToken>;
  /** For commit statuses on the protected main branch of the manifests. */
  reporting: AccessToken;
}

/**
 * `change` makes the manifests fit a cluster in which their names are taken, `more` is for the end of the agent's
 * configuration.
 */
export async function exampleProjects(
  gitlab: GitLab,
  change: (text: string) => string = (text) => text,
  more = '',
): Promise<ExampleProjects> {
  const ada = gitlab.createUser('ada', { name: 'Ada' });
  const members = { ada: 'maintainer' } as const;
  const configuration = await gitlab.createProject('demo/configuration', { members });
  const manifests = await gitlab.createProject('demo/shop', { members });
  await configuration.commit(
    { '.gitlab/agents/demo/config.yaml': CONFIGURATION + more },
    { user: ada, message: 'Configure the agent' },
  );
  const files = readdirSync(SHOP)
    .filter((name) => name !== 'autoscaler.yaml')
    .map((name) => [name, change(withoutIngress(readFileSync(join(SHOP, name), 'utf8')))]);
  await manifests.commit(Object.fromEntries(files), { user: ada, message: 'The shop' });
  return {
    configuration,
    manifests,
    person: ada.createToken({ name: 'ada' }),
    reading: { configuration: configuration.createDeployToken(), manifests: manifests.createDeployToken() },
    reporting: manifests.createToken({ name: 'gitlab-agent', role: 'maintainer' }),
  };
}

/** Not every cluster has an Ingress controller or a metrics server, without which they never become healthy. */
function withoutIngress(text: string): string {
  const documents = text.split(/^---\n/m);
  return documents.filter((document) => !/^kind: Ingress$/m.test(document)).join('---\n');
}
