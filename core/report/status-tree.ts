import type { AgentStatus, EntryStatus } from '../model/agent-status.ts';
import { HEALTH_STATUSES, type Health, isWell, type StoryLine } from '../model/health.ts';
import { formatObject, type ObjectId } from '../model/object.ts';
import type { MemberState } from '../model/record.ts';
import { ageText } from './age.ts';
import { oneLine } from './escape.ts';
import { NOTE_STYLES, type StatusStyle } from './status-table.ts';
import { type Paint, painter, type Style, wrap } from './terminal.ts';
import { cutWide } from './wide.ts';
import { cutToWidth } from './width.ts';

/** An object of an entry, as it was seen. */
export interface TreeObject {
  id: ObjectId;
  /** Absent where it was not looked for by its label. */
  state?: MemberState;
  health?: Health;
  /** Why it is not well; the first line is the object itself. */
  story?: readonly StoryLine[];
  note?: string;
}

/** The objects of an entry, and what nobody lets us see of them. */
export interface SeenObjects {
  objects: readonly TreeObject[];
  unknown: readonly string[];
}

const STATES: Partial<Record<MemberState, string>> = {
  missing: 'it is not in the cluster',
  unlabelled: 'it has lost the label of the set',
  foreign: 'somebody else wrote the label of the set on it',
  left: 'it is no longer in the manifests',
};

/**
 * Agents, their projects and the objects of these: what is not well comes first and is opened down to what the cluster
 * said last; what is well is named, kind by kind. `seen` has the objects by the IDs of their sets.
 */
export function statusTree(
  agents: readonly AgentStatus[],
  seen: ReadonlyMap<string, SeenObjects>,
  style: StatusStyle,
): string {
  const paint = painter(style.color);
  const lines = agents.flatMap((agent) => [
    paint('bold', agentLine(agent)),
    ...agent.notes.flatMap(({ reason, message }) =>
      wrap(cutWide(oneLine(message)), style.width, '    ').map((line) => {
        const color = NOTE_STYLES[reason];
        return color ? paint(color, line) : line;
      }),
    ),
    ...(agent.entries.length === 0 ? ['    it has no manifest projects'] : []),
    ...agent.entries
      .toSorted((a, b) => rank(a) - rank(b))
      .flatMap((entry, index, all) => branch(entry, seen.get(entry.set.id), index === all.length - 1, style)),
  ]);
  return lines.map((line) => `${line}\n`).join('');
}

function agentLine({ name, namespace, record, leadership }: AgentStatus): string {
  const version = record?.version === undefined ? '' : `, v${record.version}`;
  const leader = leadership?.holder === undefined ? '' : `, led by ${leadership.holder}`;
  return oneLine(`${name} -n ${namespace}${version}${leader}`);
}

/** What is not in step comes first. */
function rank({ sync, health }: EntryStatus): number {
  const order: EntryStatus['sync'][] = ['Failed', 'Pending', 'Syncing', 'Suspended', 'Synced'];
  return order.indexOf(sync) * 10 + (health ? HEALTH_STATUSES.indexOf(health) : 0);
}

function branch(
  entry: EntryStatus,
  seen: SeenObjects | undefined,
  isLast: boolean,
  style: StatusStyle,
): string[] {
  const paint = painter(style.color);
  const trunk = isLast ? '   ' : '│  ';
  const { status, sync, project, notes, health } = entry;
  const applied = status?.applied;
  const at = applied ? ` ${applied.revision?.slice(0, 8) ?? ''} ${ageText(applied.at, style.now)}` : '';
  const wanted = status?.wanted?.revision;
  const wants = wanted === undefined || wanted === applied?.revision ? '' : `, wanted ${wanted.slice(0, 8)}`;
  const word = health === undefined ? '' : `, ${health}`;
  const head = `${oneLine(project)}  ${oneLine(`${sync}${at}${wants}${word}`)}`;
  const inside = style.width - trunk.length;
  // Of objects the branches below say more.
  const shown = new Set(seen?.objects.map(({ id }) => formatObject(id)));
  const said = notes.filter(({ object }) => object === undefined || !shown.has(object));
  const body = [
    ...said.flatMap(({ reason, message }) => wrap(cutWide(oneLine(`${reason}: ${message}`)), inside, '')),
    ...(seen ? objectLines(seen, inside, paint) : []),
  ];
  return [`${isLast ? '└─' : '├─'} ${paint('bold', head)}`, ...body.map((line) => `${trunk}${line}`)];
}

function objectLines({ objects, unknown }: SeenObjects, width: number, paint: Paint): string[] {
  const open = objects.filter((object) => !isFine(object)).toSorted((a, b) => weight(a) - weight(b));
  const fine = objects.filter(isFine);
  const kinds = Map.groupBy(fine, ({ id }) => formatObject({ ...id, name: '' }).replace('/', ''));
  return [
    ...unknown.flatMap((text) => wrap(oneLine(`? ${text}`), width, '').map((line) => paint('yellow', line))),
    ...open.flatMap((object) => openLines(object, width, paint)),
    ...[...kinds].map(([kind, members]) => {
      const names = members.map(({ id }) => id.name).join(', ');
      return paint('green', '✓ ') + cutToWidth(oneLine(`${members.length} ${kind}: ${names}`), width - 2);
    }),
  ];
}

function isFine({ state = 'present', health }: TreeObject): boolean {
  return state === 'present' && health !== undefined && isWell(health.status);
}

function weight({ health, state }: TreeObject): number {
  if (state === 'missing') return -1;
  return health ? HEALTH_STATUSES.indexOf(health.status) : HEALTH_STATUSES.length;
}

function openLines(
  { id, state, health, story = [], note }: TreeObject,
  width: number,
  paint: Paint,
): string[] {
  const status = health?.status ?? (state === 'missing' ? 'missing' : 'unknown');
  const color: Style = status === 'degraded' || status === 'missing' ? 'red' : 'yellow';
  const mark = status === 'progressing' ? '…' : status === 'healthy' || status === 'suspended' ? '!' : '✗';
  const why = [
    state && STATES[state],
    note,
    health && !isWell(health.status) && [health.reason, health.message].filter(Boolean).join(': '),
  ].filter(Boolean);
  const [first = '', ...more] = wrap(
    cutWide(oneLine(`${formatObject(id)}: ${status}${why.length > 0 ? `, ${why.join('; ')}` : ''}`)),
    width - 2,
    '',
  );
  const told = story
    .slice(1)
    .flatMap(({ depth, text }) => wrap(cutWide(oneLine(text)), width, `${'  '.repeat(depth)}  `));
  return [
    `${paint(color, mark)} ${paint(color, first)}`,
    ...more.map((line) => `  ${paint(color, line)}`),
    ...told,
  ];
}
