import { type ApplySetId, countText } from '../model/apply.ts';
import type { Json } from '../model/json.ts';
import type { HistoryEntry } from '../model/record.ts';
import { ageText } from './age.ts';
import { type Cell, columns } from './columns.ts';
import { type DocumentFormat, documentText } from './document.ts';
import { oneLine } from './escape.ts';
import { wrap } from './terminal.ts';

/** The document of `history -o json` and `-o yaml`, described by `schemas/history-report.schema.json`. */
export interface HistoryReport {
  apiVersion: 'agent.gitlab.com/v1alpha1';
  kind: 'HistoryReport';
  applySet: ApplySetId;
  /** The newest first. */
  entries: HistoryEntry[];
}

export function historyReport(applySet: ApplySetId, entries: readonly HistoryEntry[]): HistoryReport {
  return { apiVersion: 'agent.gitlab.com/v1alpha1', kind: 'HistoryReport', applySet, entries: [...entries] };
}

export interface HistoryStyle {
  color: boolean;
  /** In columns. */
  width: number;
  now: Date;
}

/** The syncs of a set as text, each line ended; `style` counts for the table only. */
export function renderHistory(
  format: 'table' | DocumentFormat,
  applySet: ApplySetId,
  entries: readonly HistoryEntry[],
  style: HistoryStyle,
): string {
  if (format !== 'table') return documentText(format, historyReport(applySet, entries) as unknown as Json);
  if (entries.length === 0) return 'no syncs yet\n';
  const rows = entries.map((entry, index): Cell[] => [
    { text: String(index + 1) },
    { text: ageText(entry.finishedAt, style.now) },
    { text: shortRevision(entry.revision) },
    { text: entry.result, style: entry.result === 'Synced' ? 'green' : 'red' },
    { text: oneLine(entry.by ?? '-') },
    { text: whatText(entry) },
  ]);
  return columns(['#', 'AGE', 'REVISION', 'RESULT', 'BY', 'WHAT'], rows, style);
}

/** One sync with all that is kept of it. */
export function syncText(entry: HistoryEntry, { width, now }: Pick<HistoryStyle, 'width' | 'now'>): string {
  const { revision, result, reason, message, startedAt, finishedAt, trigger, by, counts } = entry;
  const { changed = [], moreChanged = 0 } = entry;
  const facts: [string, string | undefined][] = [
    ['revision', revision],
    ['result', `${result}, ${reason}`],
    ['what', countText(counts)],
    ['started', startedAt],
    ['finished', `${finishedAt} (${ageText(finishedAt, now)} ago)`],
    ['by', by],
    ['began with', trigger],
  ];
  const lines = facts.flatMap(([name, text]) =>
    text === undefined ? [] : [`${`${name}:`.padEnd(12)}${oneLine(text)}`],
  );
  const why = result === 'Failed' ? wrap(oneLine(message), width, '  ') : [];
  const names = changed.map((name) => `  ${oneLine(name)}`);
  const more = moreChanged > 0 ? [`  and ${moreChanged} more`] : [];
  return [...lines, ...why, ...names, ...more].map((line) => `${line}\n`).join('');
}

/** The first characters of a commit, which are enough to name it to a person; `-` where there is none. */
export function shortRevision(revision: string | undefined): string {
  if (revision === undefined) return '-';
  return oneLine(/^[0-9a-f]{40,64}$/.test(revision) ? revision.slice(0, 12) : revision);
}

function whatText({ result, reason, message, counts }: HistoryEntry): string {
  return oneLine(result === 'Synced' ? countText(counts) : `${reason}: ${message}`);
}
