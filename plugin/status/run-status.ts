import { existsSync } from 'node:fs';
import { isInStep } from '../../core/apply/agent-status.ts';
import { type AgentStatus, isBlind } from '../../core/model/agent-status.ts';
import type { Json } from '../../core/model/json.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { documentText } from '../../core/report/document.ts';
import { oneLine } from '../../core/report/escape.ts';
import { statusReport } from '../../core/report/status-report.ts';
import { type StatusStyle, statusTable } from '../../core/report/status-table.ts';
import { wordsOf } from '../agents/agent-flags.ts';
import { chooseAgents } from '../agents/choose-agents.ts';
import { agentStatus } from '../agents/find-agents.ts';
import { judgeLease } from '../agents/lease-sight.ts';
import { type AgentsInSight, withAgents } from '../agents/with-agents.ts';
import type { StatusFlags } from '../commands/status.ts';
import { glabConfig } from '../gitlab/glab-config.ts';
import { type Io, wantsColor } from '../io.ts';
import { whileRead } from '../while-read.ts';

/** Runs `status` and returns its exit code. Throws ProblemError for what a person has to mend. */
export function runStatus(flags: StatusFlags, io: Io): Promise<number> {
  if (flags.watch && flags.exitCode)
    throw new ProblemError({
      code: 'Usage',
      message: '-w and --exit-code exclude each other: a watch has no end',
      hint: 'kubectl gitlab-agent wait ends when all is synced and healthy',
    });
  if (flags.watch)
    return whileRead(io, (read) =>
      withAgents(flags, read, async (sight) => {
        const { watchStatus } = await import('./watch-status.ts');
        return watchStatus(sight, flags, read);
      }),
    );
  return withAgents(flags, io, async (sight) => {
    const found = await readStatus(sight, wordsOf(flags), io.version);
    const agents = await withCommits(found, sight, io);
    const style = { color: wantsColor(io, flags.color), width: io.columns, now: new Date() };
    const text =
      flags.output === 'tree'
        ? await treeText(sight, agents, style, io)
        : statusText(flags.output, agents, style);
    sight.progress.end();
    io.out(text);
    return flags.exitCode ? statusExitCode(agents) : 0;
  });
}

async function treeText(
  sight: AgentsInSight,
  agents: AgentStatus[],
  style: StatusStyle,
  io: Io,
): Promise<string> {
  const { lookAtObjects } = await import('./look-at-objects.ts');
  const { statusTree } = await import('../../core/report/status-tree.ts');
  return statusTree(agents, await lookAtObjects(sight, agents, io.signal), style);
}

/** What the branches have beside what is applied, where GitLab may be asked; nothing is loaded for it elsewhere. */
async function withCommits(
  agents: AgentStatus[],
  { clock, progress }: AgentsInSight,
  io: Io,
): Promise<AgentStatus[]> {
  if (!io.env.GITLAB_TOKEN && !existsSync(glabConfig(io))) return agents;
  const { addAhead } = await import('./add-ahead.ts');
  progress.update('asking GitLab what is new …');
  const { agents: extended, failures } = await addAhead(agents, io, clock);
  for (const failure of failures) progress.say(`warning: ${oneLine(failure)}`);
  return extended;
}

/** The status of the agents that are named, each with its Lease. */
async function readStatus(
  { cluster, agents, clock, progress }: AgentsInSight,
  words: readonly string[],
  version: string,
): Promise<AgentStatus[]> {
  const chosen = chooseAgents(agents, words);
  progress.update('looking whether the agents run …');
  return Promise.all(
    chosen.map(async (agent) => {
      const { lease, notes } = await judgeLease(cluster, agent, clock);
      return agentStatus(agent, lease, notes, version);
    }),
  );
}

export function statusText(
  format: 'table' | 'wide' | 'json' | 'yaml',
  agents: readonly AgentStatus[],
  style: StatusStyle,
): string {
  if (format === 'json' || format === 'yaml')
    return documentText(format, statusReport(agents) as unknown as Json);
  return statusTable(agents, style, format === 'wide');
}

/** 0 where everything is synced and healthy, 1 where something is not, 2 where that can't be told. */
export function statusExitCode(agents: readonly AgentStatus[]): 0 | 1 | 2 {
  if (agents.some(({ notes }) => notes.some(isBlind))) return 2;
  const isWell = agents.every(
    ({ entries, notes }) =>
      entries.every(isInStep) && !notes.some(({ reason }) => reason === 'BrokenConfiguration'),
  );
  return isWell ? 0 : 1;
}
