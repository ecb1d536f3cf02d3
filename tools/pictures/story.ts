import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AgentProcess } from '../../test/support/agent.ts';
import { waitFor } from '../../test/support/control-plane/wait.ts';
import type { ExampleProjects } from '../../test/support/gitlab/example-projects.ts';
import type { GitLab } from '../../test/support/gitlab/gitlab.ts';
import { jobVariables } from '../demo/job-variables.ts';
import type { World } from './world.ts';

const CI_STEP = join(import.meta.dirname, '..', '..', 'dist', 'action', 'gitlab-agent-ci.js');
const AGENT_NAMESPACE = 'gitlab-agent';

export interface StoryOptions {
  world: World;
  gitlab: GitLab;
  projects: ExampleProjects;
  kubeconfig: string;
  /** An image that is in no registry. */
  missing: string;
}

export interface Picture {
  /** Of its file, without the end. */
  name: string;
  title: string;
  text: string;
}

/** Lives through a shop's first days and looks at the terminal on the way. */
export async function takePictures(options: StoryOptions): Promise<Picture[]> {
  const { world, projects, missing } = options;
  const pictures: Picture[] = [];
  const take = (name: string, title: string, text: string): void => void pictures.push({ name, title, text });

  const applied = await world.screen('apply -R -f shop/ --wait');
  take('apply', 'kubectl gitlab-agent apply: every object as it is written, then how long all took', applied);
  await world.kubectl('-n', 'shop', 'scale', 'deployment/cart', '--replicas=5');
  await world.kubectl('-n', 'shop', 'set', 'env', 'deployment/web', 'LOG_LEVEL=debug');
  const drift = await world.screen('diff -R -f shop/', 1);
  take('diff', 'kubectl gitlab-agent diff: what somebody changed by hand, and who did it', drift);

  await world.kubectl('create', 'namespace', AGENT_NAMESPACE);
  await using agent = startAgent(options);
  const healthy = async (commit: string): Promise<unknown> =>
    agent.said('Objects are healthy', { commit }, 0, { timeout: 60_000 });
  await healthy((await projects.manifests.head())!);
  take('merge-request', 'The note of the CI step on a merge request', await noteOf(options));
  const table = await world.screen('status');
  take('status', 'kubectl gitlab-agent status: a row for each manifest project', table);

  world.edit('cart.yaml', 'registry.example.com/shop/cart:2.0.3', missing);
  const commit = await world.push('Cart 2.1.0');
  await agent.said('Objects synchronized', { commit }, 0, { timeout: 60_000 });
  const isTold = async (): Promise<boolean> => /ImagePullBackOff/.test(await world.screen('status -o tree'));
  await waitFor(isTold, { what: 'the broken image to be told', timeout: 60_000 });
  const tree = await world.screen('status -o tree');
  take(
    'status-tree',
    'kubectl gitlab-agent status -o tree: an image that can not be pulled, down to the Pod',
    tree,
  );
  return pictures;
}

function startAgent({ gitlab, projects, kubeconfig }: StoryOptions): AgentProcess {
  return new AgentProcess({
    endpoint: { kubeconfig },
    gitlab,
    configProject: projects.configuration,
    namespace: AGENT_NAMESPACE,
    name: 'demo',
    apiToken: projects.person.value,
    gitToken: { token: projects.person.value },
    args: ['--poll-interval=1s'],
  });
}

/** What the diff job of a merge request writes on it. */
async function noteOf({ world, gitlab, projects }: StoryOptions): Promise<string> {
  const { manifests } = projects;
  const base = (await manifests.head())!;
  await world.git('switch', '-q', '-c', 'release');
  world.edit('web.yaml', 'shop/web:1.4.0', 'shop/web:1.5.0');
  world.edit('settings.yaml', 'api-key: ZXhhbXBsZS0x', 'api-key: ZXhhbXBsZS0y');
  await world.push('Release 1.5.0', 'release');
  const request = await manifests.openMergeRequest({ sourceBranch: 'release', title: 'Release 1.5.0' });
  const env = {
    ...world.env,
    ...jobVariables(gitlab, projects),
    CI_COMMIT_SHA: request.sha,
    CI_MERGE_REQUEST_IID: String(request.iid),
    CI_MERGE_REQUEST_PROJECT_PATH: manifests.path,
    CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
    CI_PROJECT_DIR: world.clone,
    INPUT_MODE: 'diff',
    INPUT_AGENT: 'demo',
  };
  await promisify(execFile)(process.execPath, [CI_STEP], { cwd: world.clone, env });
  await world.git('switch', '-q', 'main');
  const note = request.notes.find(({ system }) => !system);
  if (!note) throw new Error('the CI step wrote no note');
  // Its first line is a comment, by which the next run finds the note.
  return note.body.replace(/^<!--.*-->\n/, '');
}
