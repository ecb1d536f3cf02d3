import { type Desk, demand, manifestProject, wantedCommit } from '../desk.ts';
import { configurationOf } from '../entry.ts';
import type { Report } from '../wait/reports.ts';
import { openWatch, type Watch, waitOn } from '../wait/run-wait.ts';
import { type Pointed, pointConfig } from './point-config.ts';
import { pushToBranch } from './push-to-branch.ts';

/** Mode `deploy`: images, pointing, waiting. Throws ProblemError where one of them does not succeed. */
export async function runDeploy(desk: Desk): Promise<void> {
  const { inputs, host } = desk;
  const project = manifestProject(desk);
  // Whatever is wrong with the configuration or with the right to look is said before anything is changed.
  const configuration = await configurationOf(desk);
  const watch = inputs.wait ? await openWatch(desk, configuration) : undefined;
  const commit = inputs.images.length > 0 ? await setImages(desk, project) : wantedCommit(desk);
  host.output({ commit });
  const before = watch && (await newestReport(watch, commit));
  const pointed = await point(desk, project, commit, configuration);
  if (pointed.state === 'proposed') {
    host.output({ status: 'proposed' });
    return;
  }
  if (!watch) {
    host.output({ status: 'pointed' });
    return;
  }
  const after = before && (await isOld(watch, before, pointed.previous)) ? before.id : 0;
  await host.section(`Wait for ${commit.slice(0, 12)}`, () => waitOn(desk, watch, commit, after));
}

async function setImages(desk: Desk, project: string): Promise<string> {
  const { commitImages } = await import('./commit-images.ts');
  return await desk.host.section(`Set images in ${project}`, () => commitImages(desk, project));
}

async function point(
  desk: Desk,
  project: string,
  commit: string,
  configuration: Awaited<ReturnType<typeof configurationOf>>,
): Promise<Pointed> {
  const { inputs, host } = desk;
  switch (inputs.strategy) {
    case 'config':
      return await host.section(`Point ${inputs.agent} at ${commit.slice(0, 12)}`, () =>
        pointConfig(desk, configuration!, project, commit),
      );
    case 'branch':
      return await host.section(`Move the branch to ${commit.slice(0, 12)}`, () =>
        pushToBranch(desk, project, commit),
      );
    case 'none':
      return { state: 'already' };
  }
}

/** The agent's newest word about a commit, which it may have been at before. */
async function newestReport({ who, reports }: Watch, commit: string): Promise<Report | undefined> {
  const doing = `what ${who} reports can't be read`;
  demand(doing, await reports.others());
  return demand(doing, await reports.of(commit));
}

/**
 * Whether the agent has been elsewhere since: then its word about the commit is from an earlier time at it, before a
 * rollback and back again. Else it stands: an agent that is there already has nothing new to say.
 */
async function isOld({ reports }: Watch, report: Report, previous: string | undefined): Promise<boolean> {
  if (previous === undefined || previous === report.commit) return false;
  const elsewhere = await reports.of(previous);
  return elsewhere.ok && (elsewhere.value?.id ?? 0) > report.id;
}
