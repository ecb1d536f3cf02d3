import { readRecord } from '../../core/apply/read-record.ts';
import { ProblemError } from '../../core/model/problem.ts';
import type { HistoryEntry } from '../../core/model/record.ts';
import { renderHistory, syncText } from '../../core/report/history-report.ts';
import { chooseSet } from '../choose-set.ts';
import type { HistoryFlags } from '../commands/history.ts';
import { type Io, wantsColor } from '../io.ts';
import { withDiscovery } from '../with-discovery.ts';

/** Runs `history` and returns its exit code. Throws ProblemError for what a person has to mend. */
export function runHistory(flags: HistoryFlags, io: Io): Promise<number> {
  return withDiscovery(flags, io, async ({ progress, ...looking }) => {
    const { cluster, discovery } = looking;
    const { words, sync } = splitWords(flags);
    const { applyset } = flags;
    const { set, live } = await chooseSet(cluster, discovery, {
      ...looking,
      applyset,
      words,
      command: 'history',
    });
    const { history } = readRecord(live.data);
    const chosen = sync === undefined ? history : [choose(history, sync)];
    const style = { color: wantsColor(io, flags.color), width: io.columns, now: new Date() };
    progress.end();
    const text =
      sync !== undefined && flags.output === 'table'
        ? syncText(chosen[0]!, style)
        : renderHistory(flags.output, set, chosen, style);
    io.out(text);
    return 0;
  });
}

/** What looks like a number of the table or a revision is one, wherever the agent and the project end. */
function splitWords({ agent, project, sync }: HistoryFlags): { words: string[]; sync: string | undefined } {
  const words = [agent, project, sync].filter((word) => word !== undefined);
  const last = words.at(-1);
  if (sync === undefined && (last === undefined || !/^(\d{1,2}|[0-9a-f]{7,64})$/i.test(last)))
    return { words, sync: undefined };
  return { words: words.slice(0, -1), sync: last };
}

/** By its number in the table, or by the beginning of its revision. */
function choose(history: readonly HistoryEntry[], name: string): HistoryEntry {
  const number = /^\d{1,2}$/.test(name) ? Number(name) : undefined;
  const entry =
    number === undefined
      ? history.find(({ revision }) => name !== '' && revision?.startsWith(name))
      : history[number - 1];
  if (entry) return entry;
  throw new ProblemError({
    code: 'NoSuchSync',
    message: `the history has no sync ${JSON.stringify(name)}`,
    hint: history.length === 0 ? 'there is none yet' : `it is 1 to ${history.length}, or a revision`,
  });
}
