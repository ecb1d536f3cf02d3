import { ProblemError } from '../../core/model/problem.ts';
import { type Desk, manifestProject, problemOf, wantedCommit } from '../desk.ts';
import {
  type Configuration,
  configurationOf,
  entryIn,
  followedBranch,
  readEntry,
  statusNames,
} from '../entry.ts';
import { Lineage } from './lineage.ts';
import { deploymentReports, type Reports, statusReports } from './reports.ts';
import { waitForCommit } from './wait.ts';

/** Mode `wait`. Throws ProblemError where the commit does not get there. */
export async function runWait(desk: Desk): Promise<void> {
  const commit = wantedCommit(desk);
  desk.host.output({ commit });
  const watch = await openWatch(desk, await configurationOf(desk));
  await desk.host.section(`Wait for ${commit.slice(0, 12)}`, () => waitOn(desk, watch, commit));
}

/** Who is waited for, and where its words are. */
export interface Watch {
  project: string;
  who: string;
  reports: Reports;
  lineage: Lineage;
}

/** Where the agent reports, by the inputs and by its configuration, where that can be read. */
export async function openWatch(desk: Desk, configuration: Configuration | undefined): Promise<Watch> {
  const { inputs, gitlab, token } = desk;
  const { agent, environment } = inputs;
  const project = manifestProject(desk);
  const lineage = new Lineage(gitlab, project);
  const who = agent === undefined ? `the agent of ${environment}` : `the agent ${agent}`;
  const byDeployments = environment !== undefined && (agent === undefined || token?.kind === 'job');
  if (byDeployments)
    return { project, who, lineage, reports: deploymentReports(gitlab, { project, environment }) };
  const configured = configuration && (await readEntry(desk, configuration));
  const branch = await followedBranch(desk, configured?.entry);
  const reports = statusReports(gitlab, {
    project,
    names: statusNames(agent!, desk, configured),
    branch,
    tip: async () => {
      // Pointed at a commit, the agent does not care where the branch is.
      const file =
        configuration && (await gitlab.file(configuration.project, configuration.file, configuration.branch));
      if (file && !file.ok) return file;
      const ref = file?.value && entryIn(desk, configuration!, file.value).entry.ref;
      if (ref && 'commit' in ref) return { ok: true, value: ref.commit };
      const found = await gitlab.branch(project, ref && 'branch' in ref ? ref.branch : branch);
      return found.ok ? { ok: true, value: found.value?.commit } : found;
    },
  });
  return { project, who, lineage, reports };
}

/** Waits for a commit. `after`: its reports up to that id don't count. Throws ProblemError where it does not get there. */
export async function waitOn(
  desk: Desk,
  { project, who, reports, lineage }: Watch,
  commit: string,
  after = 0,
): Promise<void> {
  const { gitlab, host, deadline, now, sleep, random } = desk;
  const result = await waitForCommit({
    commit,
    who,
    reports,
    contains: (newer, older) => lineage.contains(newer, older),
    expand: async (short) => {
      const found = await gitlab.commit(project, short);
      return found.ok ? found.value?.id : undefined;
    },
    after,
    deadline,
    now,
    sleep,
    random,
    say: (text) => host.say(text),
  });
  if (result.state === 'refused') {
    const hint = /404 Commit/.test(result.failure.message)
      ? `${project} has no commit ${commit.slice(0, 12)}: is manifest_project right?`
      : undefined;
    host.output({ status: 'unknown' });
    throw new ProblemError(problemOf(`what ${who} reports can't be read`, result.failure, hint));
  }
  host.output({ status: result.state, commit: result.commit });
  if (result.state === 'success') {
    host.output({ applied_at: result.at });
    host.say(result.message);
    return;
  }
  const { message, hint } = result;
  throw new ProblemError({ code: 'NotApplied', message, ...(hint && { hint }) });
}
