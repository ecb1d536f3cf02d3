import { setRef } from '../../core/config/set-ref.ts';
import type { GitLabOptions } from '../../core/gitlab/connection.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { oneLine } from '../../core/report/escape.ts';
import { accessAt, tokenHost } from '../gitlab/access.ts';
import type { Io } from '../io.ts';
import type { Made, Pointing } from './pointing.ts';
import { pushRef } from './push-ref.ts';

/** Where the configuration of an agent is. */
export interface ConfigurationPlace {
  agent: string;
  /** The URL of GitLab. */
  gitlab: string;
  /** Path of the configuration project. */
  project: string;
}

/**
 * Sets `ref.commit` of an entry in the agent's configuration, on the default branch of its project: by a push with the
 * person's own Git credentials, and where that can't be, by GitLab's API with their token. Returns what was done, in a
 * sentence. Throws ProblemError with what to do by hand where neither may.
 */
export async function pointAgent(
  { agent, gitlab, project }: ConfigurationPlace,
  entry: string,
  commit: string,
  io: Io,
): Promise<string> {
  const gitlabUrl = gitlab.replace(/\/+$/, '');
  const file = `.gitlab/agents/${agent}/config.yaml`;
  const pointing: Pointing = {
    project,
    gitlabUrl,
    file,
    message: `Point ${agent} at ${commit.slice(0, 12)} of ${entry}`,
    edit: (text) => setRef(text, { name: entry }, { commit }, { file, configProject: project, gitlabUrl }),
    byHand: `by hand: ref: {commit: ${commit}} for the entry ${entry} in ${file} of ${project}`,
  };
  const { made, way } = await point(pointing, io);
  if (made.commit === undefined) return `${file} of ${project} says so already`;
  return `${made.branch} of ${project} is at ${made.commit.slice(0, 12)} ${way}, and points ${entry} at ${commit.slice(0, 12)}; a branch is followed again once ref says so`;
}

async function point(pointing: Pointing, io: Io): Promise<{ made: Made; way: string }> {
  const pushed = await pushRef(pointing, io);
  if (!(pushed instanceof ProblemError)) return { made: pushed, way: 'by a push with your Git credentials' };
  const { message } = pushed.problems[0]!;
  const access = accessAt(pointing.gitlabUrl, io);
  if (!access) throw withoutToken(pushed, pointing, io);
  io.err(`notice: ${oneLine(message)}; trying GitLab's API with your token\n`);
  return { made: await commitByApi(access, pointing, message), way: "by a commit through GitLab's API" };
}

async function commitByApi(access: GitLabOptions, pointing: Pointing, gitSaid: string): Promise<Made> {
  const { commitRef } = await import('./commit-ref.ts');
  return await commitRef(access, pointing, gitSaid);
}

/** GitLab's API is another way only for whoever has a token for this GitLab. */
function withoutToken(error: ProblemError, { gitlabUrl, byHand }: Pointing, io: Io): ProblemError {
  const { host } = new URL(gitlabUrl);
  const token =
    io.env.GITLAB_TOKEN && tokenHost(io) !== host
      ? `GITLAB_TOKEN is for ${tokenHost(io)}: with GITLAB_HOST=${host}`
      : 'with GITLAB_TOKEN (scope api) or after glab auth login';
  const hint = `${byHand}; ${token} it is done through GitLab's API`;
  return new ProblemError(...error.problems.map((problem) => ({ ...problem, hint })));
}
