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
  return withDiscovery(flags, io, async ({ cluster, discovery, namespace, progress }) => {
    const { set, live } = await chooseSet(cluster, discovery, flags.applyset, namespace);
    const { history } = readRecord(live.data);
    const chosen = flags.sync === undefined ? history : [choose(history, flags.sync)];
    const style = { color: wantsColor(io, flags.color), width: io.columns, now: new Date() };
    progress.end();
    const text =
      flags.sync !== undefined && flags.output === 'table'
        ? syncText(chosen[0]!, style)
        : renderHistory(flags.output, set, chosen, style);
    io.out(text);
    return 0;
  });
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
