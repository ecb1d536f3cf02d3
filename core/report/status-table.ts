import { type AgentStatus, type EntryStatus, isBlind } from '../model/agent-status.ts';
import { ageText } from './age.ts';
import type { Cell } from './columns.ts';
import { oneLine } from './escape.ts';
import { HEALTH_STYLES } from './health-report.ts';
import { painter, type Style, wrap } from './terminal.ts';
import { cutWide } from './wide.ts';
import { cutStart, fitWidth, widthOf } from './width.ts';

export interface StatusStyle {
  color: boolean;
  /** In columns. */
  width: number;
  now: Date;
}

const SYNC_STYLES: Record<EntryStatus['sync'], Style> = {
  Synced: 'green',
  Syncing: 'yellow',
  Pending: 'yellow',
  Suspended: 'cyan',
  Failed: 'red',
};
/** What is wrong with an agent itself, and what is only to be known. */
export const NOTE_STYLES: Partial<Record<string, Style>> = {
  NotRunning: 'red',
  NoLeader: 'red',
  BrokenConfiguration: 'red',
  Unknown: 'yellow',
};

const GAP = 2;
/** The columns of names are cut to no less. */
const LEAST_NAME = 12;
const HEADINGS = ['AGENT', 'PROJECT', 'REVISION', 'SYNC', 'HEALTH', 'DRIFT'];
const WIDE_HEADINGS = ['NAMESPACE', ...HEADINGS, 'ENTRY', 'REF', 'OBJECTS', 'BY'];

/**
 * A line for each manifest project, and below it what keeps it from being synced and healthy. `wide` cuts nothing.
 * What is wrong with agents themselves comes first.
 */
export function statusTable(agents: readonly AgentStatus[], style: StatusStyle, isWide: boolean): string {
  const paint = painter(style.color);
  const troubles = agents.flatMap((agent) =>
    agent.notes.flatMap(({ reason, message }) => {
      const words = wrap(cutWide(oneLine(`${agent.name}: ${message}`)), style.width, '');
      const color = NOTE_STYLES[reason];
      return words.map((line) => (color ? paint(color, line) : line));
    }),
  );
  const rows = agents.flatMap((agent) => rowsOf(agent, style.now, isWide));
  const headings = isWide ? WIDE_HEADINGS : HEADINGS;
  const names = isWide ? [] : [1, 0];
  const sizes = fitColumns(headings, rows, names, style.width);
  const line = (cells: readonly Cell[]): string =>
    cells
      .map(({ text, style: color }, index) => {
        const fitted = fitWidth(cutStart(text, sizes[index]!), sizes[index]!);
        const shown = color ? paint(color, fitted.trimEnd()) : fitted.trimEnd();
        return shown + ' '.repeat(fitted.length - fitted.trimEnd().length);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  const table = [
    paint('bold', line(headings.map((text) => ({ text })))),
    ...rows.flatMap(({ cells, notes }) => [
      line(cells),
      ...notes.flatMap((note) =>
        wrap(cutWide(oneLine(note)), style.width, '    ').map((text) => paint('dim', text)),
      ),
    ]),
  ];
  return [...troubles, ...(troubles.length > 0 ? [''] : []), ...table].map((text) => `${text}\n`).join('');
}

/** Agents and their projects as lines that stand by themselves, for a log; `key` says of whom a line speaks. */
export function statusLines(agents: readonly AgentStatus[]): { key: string; text: string }[] {
  return agents.flatMap((agent) => [
    ...agent.notes.map(({ reason, message }) => {
      const key = `${agent.name}: ${reason}`;
      // How long ago something was changes with the time.
      return { key, text: oneLine(`${agent.name}: ${message.replace(/ since [0-9]+[smhd]/, '')}`) };
    }),
    ...agent.entries.map((entry) => {
      const { project, name, sync, status, health, notes } = entry;
      const wanted = status?.wanted?.revision;
      const applied = status?.applied?.revision;
      const revision = [
        ...(applied === undefined ? [] : [`applied ${applied.slice(0, 12)}`]),
        ...(wanted === undefined || wanted === applied ? [] : [`wanted ${wanted.slice(0, 12)}`]),
      ].join(', ');
      const why = notes.map(({ reason, message }) => `${reason}: ${message}`).join('; ');
      const parts = [sync, revision, health ?? ''].filter((part) => part !== '').join(', ');
      const isShared = agent.entries.filter((other) => other.project === project).length > 1;
      const key = `${agent.name} ${project}${isShared ? ` (${name})` : ''}`;
      return {
        key,
        text: cutWide(oneLine(`${key}: ${parts}${why === '' ? '' : `; ${why}`}`)),
      };
    }),
  ]);
}

interface Row {
  cells: Cell[];
  notes: string[];
}

function rowsOf(agent: AgentStatus, now: Date, isWide: boolean): Row[] {
  if (agent.entries.length === 0) return [emptyRow(agent, isWide)];
  return agent.entries.map((entry) => {
    const { status, sync, health, project, name } = entry;
    const isShared = agent.entries.filter((other) => other.project === project).length > 1;
    const cells: Cell[] = [
      ...(isWide ? [{ text: oneLine(agent.namespace) }] : []),
      { text: oneLine(agent.name) },
      { text: oneLine(isShared && !isWide ? `${project} (${name})` : project) },
      { text: revisionText(entry, now, isWide ? 12 : 8) },
      { text: sync, style: SYNC_STYLES[sync] },
      health ? { text: health, style: HEALTH_STYLES[health] } : { text: '-' },
      driftCell(entry, agent, now),
      ...(isWide ? wideCells(entry, status?.objects) : []),
    ];
    return { cells, notes: notesOf(entry, now) };
  });
}

function emptyRow(agent: AgentStatus, isWide: boolean): Row {
  const rest = Array.from({ length: isWide ? 9 : 5 }, () => ({ text: '-' }));
  const cells = [
    ...(isWide ? [{ text: oneLine(agent.namespace) }] : []),
    { text: oneLine(agent.name) },
    ...rest,
  ];
  return { cells, notes: ['it has no manifest projects'] };
}

function wideCells({ name, status }: EntryStatus, objects: number | undefined): Cell[] {
  return [
    { text: oneLine(name) },
    { text: oneLine((status?.source.ref ?? '-').replace(/^refs\/(heads|tags)\//, '')) },
    { text: objects === undefined ? '-' : String(objects) },
    { text: status?.trigger === undefined ? '-' : oneLine(status.trigger) },
  ];
}

/** `1a2b3c4d 3m` once what is wanted runs; `5e6f7a8b → 1a2b3c4d 26h` while the first is wanted and the second runs. */
function revisionText({ status }: EntryStatus, now: Date, digits: number): string {
  const wanted = status?.wanted?.revision;
  const applied = status?.applied;
  const short = (revision: string | undefined): string => oneLine(revision?.slice(0, digits) ?? '-');
  const done = applied ? `${short(applied.revision)} ${ageText(applied.at, now)}` : '-';
  if (wanted === undefined) return done;
  return applied?.revision === wanted ? done : `${short(wanted)} → ${done}`;
}

/** Whether somebody else changes what was applied: what the agent had to mend, where it looks at all. */
function driftCell({ sync, repaired, status }: EntryStatus, agent: AgentStatus, now: Date): Cell {
  if (agent.notes.some(isBlind) || sync === 'Suspended' || !status?.applied) return { text: '?' };
  if (!repaired) return { text: 'none' };
  return { text: `fixed ${ageText(repaired.at, now)}`, style: 'yellow' };
}

function notesOf({ notes, sync, status, ahead, entry }: EntryStatus, now: Date): string[] {
  const told = notes.map(({ reason, message }) => `${reason}: ${message}`);
  if (sync === 'Syncing' && status) told.unshift(`being applied for ${ageText(status.startedAt, now)}`);
  if (sync === 'Pending' && entry && entry.dependsOn.length > 0)
    told.push(`it comes after ${entry.dependsOn.join(', ')}`);
  if (ahead) {
    const count = ahead.commits.length + ahead.more;
    told.push(`${ahead.ref} is ${count} ${count === 1 ? 'commit' : 'commits'} ahead:`);
    for (const { id, title, author } of ahead.commits) told.push(`${id.slice(0, 8)} ${title} (${author})`);
    if (ahead.more > 0) told.push(`and ${ahead.more} more`);
  }
  return told;
}

/** How wide each column is; those of names give way, the first of them first, where the line would be too long. */
function fitColumns(
  headings: readonly string[],
  rows: readonly Row[],
  names: readonly number[],
  width: number,
): number[] {
  const sizes = headings.map((heading, index) =>
    rows.reduce((widest, { cells }) => Math.max(widest, widthOf(cells[index]!.text)), heading.length),
  );
  let excess = sizes.reduce((sum, size) => sum + size + GAP, -GAP) - width;
  for (const index of names) {
    const given = Math.min(Math.max(0, excess), Math.max(0, sizes[index]! - LEAST_NAME));
    sizes[index]! -= given;
    excess -= given;
  }
  return sizes;
}
