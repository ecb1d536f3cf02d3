import { join } from 'node:path';
import { lists, patch, pathOf } from './cluster.ts';
import type { Team } from './contest.ts';
import { writeManifests } from './files.ts';
import { type Item, isChanged } from './objects.ts';
import type { RawRequest } from './requests.ts';
import type { Sets } from './sets.ts';
import type { Stage } from './stage.ts';

/** What is applied, one turn after the other: each finds what the one before has left. */
export const TURNS = ['first', 'again', 'changed', 'gone'] as const;
export type Turn = (typeof TURNS)[number];

const PART = 1_000;

/** The objects of a run, and the manifests of each turn. */
export interface Course {
  items: readonly Item[];
  /** Those that left the set in the last turn. */
  gone: readonly Item[];
  /** Directories. */
  manifests: Record<Turn, string>;
}

export function layOut({ directory }: Stage, name: string, items: readonly Item[], goes: number): Course {
  const gone = items.filter((item) => !isChanged(item)).slice(0, goes);
  const missing = new Set(gone);
  const write = (turn: Turn, own: readonly Item[]): string => {
    const path = join(directory, name, turn);
    writeManifests(path, own);
    return path;
  };
  const asApplied = items.map((item) => ({ ...item, wanted: item.applied }));
  const first = write('first', asApplied);
  const changed = write('changed', items);
  const left = items.filter((item) => !missing.has(item));
  return { items, gone, manifests: { first, again: first, changed, gone: write('gone', left) } };
}

/** Everybody in the order of the tables; `clean` is what the first turn begins with. */
export function teams(
  stage: Stage,
  { items, gone, manifests }: Course,
  sets: Sets,
  { kubectl, clean }: { kubectl: 'all' | 'server-side' | 'none'; clean: () => Promise<void> },
): Team[] {
  const team = (id: string, label: string, turns: readonly Turn[], command: (turn: Turn) => string[]): Team =>
    turns.map((turn) => ({
      id: `${id}-${turn}`,
      label,
      command: command(turn),
      exitCode: 0,
      ...(turn === 'first' && { prepare: clean }),
    }));
  const apply = [process.execPath, stage.plugin, 'apply', '-R', '-f'];
  const theirs = [stage.kubectl, 'apply', '-R', '-f'];
  const floor: Record<Turn, RawRequest[][]> = {
    first: [items.map((item) => patch(item, item.applied))],
    again: [lists(items)],
    changed: [lists(items), items.filter(isChanged).map((item) => patch(item, item.wanted))],
    gone: [lists(items), gone.map((item) => ({ method: 'DELETE', path: pathOf(item) }))],
  };
  const withoutSet = TURNS.filter((turn) => turn !== 'gone');
  const list = [
    team('ours', 'gitlab-agent apply', withoutSet, (turn) => [...apply, manifests[turn]]),
    team('set', '  with --applyset --prune', TURNS, (turn) => [...apply, manifests[turn], ...sets.ours]),
    team('floor', 'floor: raw requests', TURNS, (turn) => stage.floor(`floor-${turn}.json`, floor[turn])),
  ];
  if (items.length > PART) {
    const part = layOut(stage, 'part', items.slice(0, PART), 0);
    const turns = ['first', 'again'] as const;
    list.push(team('part', '  1,000 of them', turns, (turn) => [...apply, part.manifests[turn]]));
  }
  if (kubectl !== 'none') {
    const command = (turn: Turn): string[] => [...theirs, manifests[turn], '--server-side'];
    list.push(team('server-side', 'kubectl apply --server-side', withoutSet, command));
  }
  if (kubectl === 'all') {
    const command = (turn: Turn): string[] => [...theirs, manifests[turn], ...sets.kubectl];
    list.push(team('applyset', 'kubectl apply --prune --applyset', TURNS, command));
  }
  return list;
}
