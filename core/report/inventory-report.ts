import type { ApplySetId } from '../model/apply.ts';
import { HEALTH_STATUSES, type HealthStatus, isWell } from '../model/health.ts';
import type { Json } from '../model/json.ts';
import { formatObject } from '../model/object.ts';
import type { Change } from '../model/plan.ts';
import { MEMBER_STATES, type Member, type MemberState } from '../model/record.ts';
import { type Cell, columns } from './columns.ts';
import { type DocumentFormat, documentText } from './document.ts';
import { oneLine } from './escape.ts';
import { HEALTH_STYLES } from './health-report.ts';
import { painter, wrap } from './terminal.ts';

/** One object of an InventoryReport. */
export interface ReportedMember {
  group: string;
  version: string;
  kind: string;
  namespace?: string;
  name: string;
  state: MemberState;
  source?: { file: string; line: number };
  health?: HealthStatus;
  reason?: string;
  message?: string;
  pruneDisabled?: true;
}

/** The document of `inventory -o json` and `-o yaml`, described by `schemas/inventory-report.schema.json`. */
export interface InventoryReport {
  apiVersion: 'agent.gitlab.com/v1alpha1';
  kind: 'InventoryReport';
  applySet: ApplySetId;
  /** The revision at which the sources are. */
  revision?: string;
  objects: ReportedMember[];
  /** Places of which it could not be told whether members are there. */
  unknown: { kind: string; group: string; namespace?: string; reason: string; message: string }[];
}

/** What is known of a set. */
export interface Inventory {
  applySet: ApplySetId;
  revision?: string | undefined;
  members: readonly Member[];
  unknown: readonly Change[];
}

export function inventoryReport({ applySet, revision, members, unknown }: Inventory): InventoryReport {
  return {
    apiVersion: 'agent.gitlab.com/v1alpha1',
    kind: 'InventoryReport',
    applySet,
    ...(revision !== undefined && { revision }),
    objects: members.map(reported),
    unknown: unknown.map(({ id: { group, kind, namespace }, reason = 'Unknown', message = '' }) => ({
      group,
      kind,
      ...(namespace !== undefined && { namespace }),
      reason,
      message,
    })),
  };
}

function reported({ id, state, source, health, pruneDisabled, message }: Member): ReportedMember {
  const { group, version, kind, namespace, name } = id;
  const said = message ?? health?.message;
  return {
    group,
    version,
    kind,
    ...(namespace !== undefined && { namespace }),
    name,
    state,
    ...(source !== undefined && { source: splitSource(source) }),
    ...(health && { health: health.status, reason: health.reason }),
    ...(said && { message: said }),
    ...(pruneDisabled && { pruneDisabled }),
  };
}

/** `shop/web.yaml:3` as file and line. */
export function splitSource(source: string): { file: string; line: number } {
  const colon = source.lastIndexOf(':');
  const line = Number(source.slice(colon + 1));
  return colon > 0 && Number.isInteger(line) && line > 0
    ? { file: source.slice(0, colon), line }
    : { file: source, line: 1 };
}

/** `inventory`: 2 where something could not be told, 1 where something is not as it was applied, else 0. */
export function inventoryExitCode({ members, unknown }: Inventory): 0 | 1 | 2 {
  if (unknown.length > 0) return 2;
  return members.every(({ state }) => state === 'present') ? 0 : 1;
}

export type InventoryFormat = 'table' | 'name' | DocumentFormat;

/** The members as text, each line ended; colour and width count for the table only. */
export function renderInventory(
  format: InventoryFormat,
  inventory: Inventory,
  style: { color: boolean; width: number },
): string {
  const { members, unknown } = inventory;
  if (format === 'name') return members.map(({ id }) => `${oneLine(formatObject(id))}\n`).join('');
  if (format !== 'table') return documentText(format, inventoryReport(inventory) as unknown as Json);
  const paint = painter(style.color);
  const trouble = unknown.flatMap(({ id, reason, message }) =>
    wrap(oneLine(`unknown: ${formatObject(id)}: ${reason}: ${message}`), style.width, '').map((line) =>
      paint('yellow', line),
    ),
  );
  const sorted = members.toSorted((a, b) => rank(a) - rank(b));
  const table = columns(['HEALTH', 'OBJECT', 'SOURCE', 'NOTE'], sorted.map(rowOf), style);
  const lines = [...trouble, ...(members.length > 0 ? [`${table}`.trimEnd(), ''] : [])];
  return [...lines, paint('bold', countsText(members))].map((line) => `${line}\n`).join('');
}

/** What needs a person's eye comes first. */
function rank({ state, health }: Member): number {
  const states = MEMBER_STATES.length * HEALTH_STATUSES.length;
  if (state !== 'present') return MEMBER_STATES.indexOf(state) - states;
  return health ? HEALTH_STATUSES.indexOf(health.status) : 0;
}

const NOTES: Record<MemberState, string> = {
  missing: 'it is not in the cluster',
  unlabelled: 'it has lost the label of the set',
  foreign: 'somebody else wrote the label of the set on it',
  left: 'it is no longer in the manifests',
  present: '',
};

function rowOf({ id, state, source, health, pruneDisabled, message }: Member): Cell[] {
  const status = health?.status ?? (state === 'missing' ? 'missing' : 'unknown');
  const ill =
    health && !isWell(health.status) ? [health.reason, health.message].filter(Boolean).join(': ') : '';
  const notes = [NOTES[state], message, pruneDisabled && 'prune is disabled', ill];
  return [
    { text: status, style: HEALTH_STYLES[status] },
    { text: oneLine(formatObject(id)) },
    { text: oneLine(source ?? '-') },
    { text: oneLine(notes.filter(Boolean).join('; ')) },
  ];
}

/** `9 members: 1 missing, 8 present`. */
function countsText(members: readonly Member[]): string {
  const parts = MEMBER_STATES.flatMap((state) => {
    const count = members.filter((member) => member.state === state).length;
    return count > 0 ? [`${count} ${state}`] : [];
  });
  return members.length === 0 ? 'no members' : `${members.length} members: ${parts.join(', ')}`;
}
