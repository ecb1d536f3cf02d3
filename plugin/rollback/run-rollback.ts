import { readRecord } from '../../core/apply/read-record.ts';
import type { EntryStatus } from '../../core/model/agent-status.ts';
import type { Cluster } from '../../core/model/cluster.ts';
import { isObject } from '../../core/model/json.ts';
import { summarize } from '../../core/model/plan.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { HistoryEntry, RecordData } from '../../core/model/record.ts';
import { oneLine } from '../../core/report/escape.ts';
import { shortRevision } from '../../core/report/history-report.ts';
import { wordsOf } from '../agents/agent-flags.ts';
import { chooseAgents, theOnlyEntry } from '../agents/choose-agents.ts';
import { CONFIG_MAPS } from '../agents/find-agents.ts';
import { withAgents } from '../agents/with-agents.ts';
import { confirm } from '../ask.ts';
import type { RollbackFlags } from '../commands/rollback.ts';
import { comparedText, compareEntry } from '../diff/compare-entry.ts';
import { type Io, wantsColor } from '../io.ts';
import { followToEnd, type Standing } from '../wait/follow-to-end.ts';
import { standing } from '../wait/standing.ts';
import { readWait } from '../wait-flags.ts';
import { pointAgent } from './point-agent.ts';

/** Runs `rollback` and returns its exit code. Throws ProblemError for what a person has to mend. */
export function runRollback(flags: RollbackFlags, io: Io): Promise<number> {
  if (!flags.yes && !io.stdinIsTty)
    throw new ProblemError({
      code: 'Unasked',
      message: 'without a terminal nobody can be asked whether to roll back',
      hint: '--yes does it without asking; kubectl gitlab-agent diff AGENT PROJECT --rev COMMIT shows what it would change',
    });
  const waiting = readWait(flags);
  return withAgents(flags, io, async (sight) => {
    const { cluster, agents, progress } = sight;
    const [agent, entry] = theOnlyEntry(chooseAgents(agents, wordsOf(flags)), 'rollback');
    const { gitlab, configuration } = agent.record ?? {};
    if (gitlab === undefined || configuration === undefined)
      throw new ProblemError({
        code: 'NoConfiguration',
        message: `the agent ${agent.name} has not told where its configuration is`,
        hint: 'kubectl gitlab-agent status says whether it runs',
      });
    const target = chooseTarget(entry, await historyOf(cluster, entry), flags.to);
    const options = { rev: target, secretPath: flags.secretPath };
    const compared = await compareEntry(cluster, agent.name, entry, options, io, progress);
    if (compared.problems.length > 0) throw new ProblemError(...compared.problems);
    progress.rest();
    const style = { color: wantsColor(io, flags.color), width: io.columns, now: new Date() };
    io.out(comparedText([compared], 'unified', style));
    const { unknown } = summarize(compared.changes);
    if (unknown > 0) io.err(`notice: of ${unknown} objects it can't be told what would become of them\n`);
    const question = `Point ${agent.name} ${entry.project} at ${shortRevision(target)}?`;
    if (!flags.yes && !(await confirm(oneLine(question), io))) {
      io.out('nothing was done\n');
      return 1;
    }
    const place = { agent: agent.name, gitlab, project: configuration.project };
    io.out(`${oneLine(await pointAgent(place, entry.name, target, io))}\n`);
    if (!waiting) return 0;
    return await followToEnd(sight, io, {
      agent,
      entries: [entry.name],
      timeout: waiting.timeout,
      judge: (one) => standingAt(one, target),
      color: flags.color,
    });
  });
}

/** How an entry is does not count before the agent is at the commit. */
function standingAt(entry: EntryStatus, commit: string): Standing {
  const at = entry.status?.observed?.revision;
  if (entry.sync === 'Suspended' || at === commit) return standing(entry, '');
  return { state: 'waiting', message: `the agent is still at ${shortRevision(at)}` };
}

async function historyOf(cluster: Cluster, { set }: EntryStatus): Promise<HistoryEntry[]> {
  const parent = await cluster.get({ resource: CONFIG_MAPS, namespace: set.namespace, name: set.name });
  const data = parent.ok && isObject(parent.value.data) ? (parent.value.data as RecordData) : {};
  return readRecord(data).history;
}

/** The commit to go back to: one that is named, or the last that was synced and is not what is wanted now. */
function chooseTarget(
  { status, project, revisions = [] }: EntryStatus,
  history: readonly HistoryEntry[],
  to: string | undefined,
): string {
  const refuse = (message: string, hint: string): never => {
    throw new ProblemError({ code: 'NoSuchSync', message, hint });
  };
  const shown = 'kubectl gitlab-agent history shows what there is';
  if (to === undefined) {
    const now = status?.wanted?.revision ?? status?.applied?.revision;
    const before = history.find(
      ({ result, revision }) => result === 'Synced' && revision !== undefined && revision !== now,
    );
    return before?.revision ?? refuse(`the history of ${project} has no earlier sync to go back to`, shown);
  }
  if (/^\d{1,2}$/.test(to))
    return (
      history[Number(to) - 1]?.revision ?? refuse(`the history has no sync ${to} with a revision`, shown)
    );
  if (/^[0-9a-f]{40}([0-9a-f]{24})?$/i.test(to)) return to.toLowerCase();
  const known = [...new Set(revisions)].filter((one) => to.length >= 7 && one.startsWith(to.toLowerCase()));
  if (known.length === 1) return known[0]!;
  return refuse(`${JSON.stringify(to)} is no commit of the history`, `write all of its digits; ${shown}`);
}
