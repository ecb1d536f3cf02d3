import type { ExampleProjects } from '../../test/support/gitlab/example-projects.ts';
import type { GitLab } from '../../test/support/gitlab/gitlab.ts';
import type { DemoAgent } from './agent.ts';
import { jobVariables } from './job-variables.ts';
import type { Stage } from './stage.ts';

export interface PipelineOptions {
  gitlab: GitLab;
  projects: ExampleProjects;
  agent: DemoAgent;
  /** The clone of the manifest project. */
  clone: string;
}

/** The end of the demo: a merge request shows what it will do, its merge makes it happen, the pipeline knows. */
export async function tellPipeline(stage: Stage, options: PipelineOptions): Promise<void> {
  const { projects, agent, clone } = options;
  const { manifests } = projects;
  stage.heading('The same in a pipeline');
  await stage.run('git -C shop switch -q -c release');
  stage.edit('shop/web.yaml', 'shop/web:1.5.0', 'shop/web:1.6.0');
  await stage.run("git -C shop commit -q -a -m 'Release 1.6.0' && git -C shop push -q origin release");
  const base = (await manifests.head())!;
  const request = await manifests.openMergeRequest({ sourceBranch: 'release', title: 'Release 1.6.0' });
  stage.say(
    'There is a merge request. Its job runs the CI step, with the variables that GitLab gives it. It has no access ' +
      'to the cluster: it compares the two commits.',
  );
  stage.add(
    'diff.env',
    variables(options, {
      CI_COMMIT_SHA: request.sha,
      CI_MERGE_REQUEST_IID: String(request.iid),
      CI_MERGE_REQUEST_PROJECT_PATH: manifests.path,
      CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
      CI_PROJECT_DIR: clone,
    }),
  );
  await stage.run('env $(cat diff.env) INPUT_MODE=diff INPUT_AGENT=demo gitlab-agent-ci');
  const note = request.notes.find(({ system }) => !system)!;
  // All but the hidden marker.
  const lines = note.body.trimEnd().split('\n').slice(1);
  stage.quote([`GitLab, merge request !${request.iid}, a note:`, ...lines]);
  await stage.run(
    "git -C shop switch -q main && git -C shop merge -q --no-ff -m 'Merge release' release && git -C shop push -q",
  );
  stage.say(
    'After the merge, another job points the agent at the commit, and waits until the cluster runs it.',
  );
  stage.add('deploy.env', variables(options, { CI_COMMIT_SHA: (await manifests.head())! }));
  await stage.run(
    'env $(cat deploy.env) INPUT_MODE=deploy INPUT_STRATEGY=config \\\n' +
      '    INPUT_CONFIG_PROJECT=demo/configuration INPUT_AGENT=demo gitlab-agent-ci',
  );
  await agent.healthy(stage);
  await stage.run('git -C configuration pull -q && cat configuration/.gitlab/agents/demo/config.yaml');
}

function variables({ gitlab, projects }: PipelineOptions, more: Record<string, string>): string {
  return Object.entries({ ...jobVariables(gitlab, projects), ...more })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
