import { mayCarryToken } from '../../core/git/repository-url.ts';
import { compareCommits } from '../../core/gitlab/compare-commits.ts';
import type { AgentStatus, EntryStatus } from '../../core/model/agent-status.ts';
import type { Clock } from '../../core/model/clock.ts';
import { glabToken } from '../gitlab/access.ts';
import type { Io } from '../io.ts';

/** Of so many commits the titles are told. */
const MOST_COMMITS = 5;
/** Nobody waits longer for what is only an addition, in ms. */
const PATIENCE = 5_000;

/**
 * Adds the commits of each branch that are not applied yet, where the person's own GitLab credentials are at hand. Where
 * GitLab is stands in the cluster, and anybody there may have written it: GITLAB_TOKEN goes to GITLAB_HOST only (as
 * glab has it, gitlab.com where that is not set), and glab's tokens to their own hosts.
 */
export async function addAhead(
  agents: readonly AgentStatus[],
  io: Io,
  clock: Clock,
): Promise<{ agents: AgentStatus[]; failures: string[] }> {
  const failures = new Set<string>();
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(PATIENCE)]);
  const extended = await Promise.all(
    agents.map(async (agent) => {
      const url = agent.record?.gitlab === undefined ? null : URL.parse(agent.record.gitlab);
      const token = url && mayCarryToken(url) ? tokenFor(url, io) : undefined;
      if (!url || token === undefined) return agent;
      const gitlab = {
        url: url.href,
        token: () => Promise.resolve(token),
        signal,
        sleep: (ms: number) => clock.sleep(ms, signal),
        random: Math.random,
        userAgent: `gitlab-agent/${io.version}`,
      };
      const entries = await Promise.all(
        agent.entries.map(async (entry): Promise<EntryStatus> => {
          const branch = /^refs\/heads\/(.+)$/.exec(entry.status?.source.ref ?? '')?.[1];
          const from = entry.status?.applied?.revision;
          const project = entry.entry?.repository.project;
          if (branch === undefined || from === undefined || project === undefined) return entry;
          const found = await compareCommits(gitlab, project, { from, to: branch }).catch(
            (error: unknown) => {
              io.signal.throwIfAborted();
              if (signal.aborted) return undefined;
              throw error;
            },
          );
          if (!found?.ok) {
            failures.add(found ? found.failure.message : `${url.host} did not answer in time`);
            return entry;
          }
          const commits = found.value;
          if (commits.length === 0) return entry;
          const more = Math.max(0, commits.length - MOST_COMMITS);
          return { ...entry, ahead: { ref: branch, commits: commits.slice(0, MOST_COMMITS), more } };
        }),
      );
      return { ...agent, entries };
    }),
  );
  return { agents: extended, failures: [...failures] };
}

function tokenFor({ host }: URL, io: Io): string | undefined {
  const named = (io.env.GITLAB_HOST || 'gitlab.com').replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  if (io.env.GITLAB_TOKEN && host === named) return io.env.GITLAB_TOKEN;
  return glabToken(host, io);
}
