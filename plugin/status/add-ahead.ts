import { compareCommits } from '../../core/gitlab/compare-commits.ts';
import type { AgentStatus, EntryStatus } from '../../core/model/agent-status.ts';
import type { Clock } from '../../core/model/clock.ts';
import { accessAt } from '../gitlab/access.ts';
import type { Io } from '../io.ts';

/** Of so many commits the titles are told. */
const MOST_COMMITS = 5;
/** Nobody waits longer for what is only an addition, in ms. */
const PATIENCE = 5_000;

/**
 * Adds the commits of each branch that are not applied yet, where the person's own GitLab credentials are at hand.
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
      const access = agent.record?.gitlab === undefined ? undefined : accessAt(agent.record.gitlab, io);
      if (!access) return agent;
      const gitlab = { ...access, signal, sleep: (ms: number) => clock.sleep(ms, signal) };
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
            failures.add(
              found ? found.failure.message : `${new URL(access.url).host} did not answer in time`,
            );
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
