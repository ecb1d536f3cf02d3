import type { ManifestEntry } from '../model/agent-config.ts';
import type { AgentNote, AgentRecord, EntryStatus, Leadership } from '../model/agent-status.ts';
import { HEALTH_STATUSES, type HealthStatus, isWell } from '../model/health.ts';
import { dig, isObject, type Json, tryParseJson } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import type { HistoryEntry, RecordData, SetStatus } from '../model/record.ts';
import { ENTRY_LABEL, PROJECT_ANNOTATION, wishesOf } from './agent-parent.ts';
import { applySetId } from './apply-set.ts';
import { readRecord } from './read-record.ts';

/** Passes that look for drift. */
const LOOKS_FOR_DRIFT = new Set(['drift', 'interval']);

/** How an entry is, by its parent; undefined for what is no parent of an entry. */
export function entryStatus(parent: KubeObject): EntryStatus | undefined {
  const name = dig(parent, 'metadata', 'labels', ENTRY_LABEL);
  if (typeof name !== 'string' || name === '') return undefined;
  const data = (isObject(parent.data) ? parent.data : {}) as RecordData;
  const { status, history } = readRecord(data);
  const entry = readEntry(data.entry);
  const wishes = wishesOf(parent);
  const project = dig(parent, 'metadata', 'annotations', PROJECT_ANNOTATION);
  const set = applySetId({ namespace: String(parent.metadata.namespace), name: parent.metadata.name });
  const health = worstOf(status);
  const repaired = repairOf(history);
  const sync = syncOf(status, entry, wishes.suspended);
  return {
    name,
    set,
    project: typeof project === 'string' && project !== '' ? project : (entry?.repository.url ?? name),
    ...(entry && { entry }),
    wishes,
    ...(status && { status }),
    sync,
    ...(health && { health }),
    ...(repaired && { repaired }),
    revisions: history.flatMap(({ revision }) => revision ?? []),
    notes: notesOf(sync, status, wishes.suspended),
  };
}

/** An entry that is in force, and of which nothing was written yet. */
export function pendingEntry(name: string, agent: string, namespace: string): EntryStatus {
  return {
    name,
    set: applySetId({ namespace, name: `gitlab-agent.${agent}.${name}` }),
    project: name,
    wishes: {},
    sync: 'Pending',
    notes: [{ reason: 'Pending', message: 'nothing has been done for it yet' }],
  };
}

/** Whether what is wanted runs and is well; false where that is not known. */
export function isInStep({ sync, health }: EntryStatus): boolean {
  return sync === 'Synced' && health !== undefined && isWell(health);
}

function syncOf(
  status: SetStatus | undefined,
  entry: EntryStatus['entry'],
  suspended: string | undefined,
): EntryStatus['sync'] {
  if (suspended !== undefined || entry?.suspend) return 'Suspended';
  if (!status) return 'Pending';
  // A dry run leaves what is wanted undone.
  if (status.state === 'Planned') return 'Pending';
  if (status.state !== 'Synced') return status.state;
  return status.wanted?.revision === status.applied?.revision ? 'Synced' : 'Pending';
}

function worstOf(status: SetStatus | undefined): HealthStatus | undefined {
  const { health, objects } = status ?? {};
  const worst = HEALTH_STATUSES.find((word) => (health?.[word] ?? 0) > 0);
  return worst ?? (health && objects === 0 ? 'healthy' : undefined);
}

function repairOf(history: readonly HistoryEntry[]): EntryStatus['repaired'] {
  const found = history.find(
    ({ trigger, changed, moreChanged }) =>
      LOOKS_FOR_DRIFT.has(trigger ?? '') && (changed?.length ?? 0) + (moreChanged ?? 0) > 0,
  );
  if (!found) return undefined;
  return { at: found.finishedAt, objects: (found.changed?.length ?? 0) + (found.moreChanged ?? 0) };
}

const MOST_UNHEALTHY = 3;

function notesOf(
  sync: EntryStatus['sync'],
  status: SetStatus | undefined,
  suspended: string | undefined,
): EntryStatus['notes'] {
  const notes: EntryStatus['notes'] = [];
  if (sync === 'Suspended') {
    const message = suspended ?? 'by the configuration (suspend: true)';
    notes.push({ reason: 'Suspended', message });
  }
  if (status?.state === 'Failed' || status?.state === 'Planned') {
    const { reason, message, failures = [], moreFailures = 0 } = status;
    const [first] = failures;
    const source = first?.source && !message.includes(first.source) ? ` (${first.source})` : '';
    notes.push({ reason, message: `${message}${failures.length + moreFailures === 1 ? source : ''}` });
  }
  const { unhealthy = [], moreUnhealthy = 0 } = status ?? {};
  for (const { object, reason, message } of unhealthy.slice(0, MOST_UNHEALTHY))
    notes.push(
      object === undefined ? { reason, message } : { reason, message: `${object} is ${message}`, object },
    );
  const more = unhealthy.length + moreUnhealthy - MOST_UNHEALTHY;
  if (more > 0) notes.push({ reason: 'Unhealthy', message: `${more} more objects are not well` });
  return notes;
}

function readEntry(text: string | undefined): EntryStatus['entry'] {
  const value = tryParseJson(text);
  if (!isObject(value) || !isObject(value.repository) || typeof value.repository.url !== 'string')
    return undefined;
  return value as unknown as ManifestEntry & { repository: { project?: string; url: string } };
}

/** Reads what the agent says of itself, from the parsed text of its ConfigMap. */
export function readAgentRecord(told: unknown): AgentRecord | undefined {
  if (!isObject(told as Json)) return undefined;
  const { version, gitlab, configuration, entries, removed } = told as Record<string, unknown>;
  const { project, applied, observed, problems, moreProblems } = (configuration ?? {}) as Record<
    string,
    unknown
  >;
  return {
    ...(typeof version === 'string' && { version }),
    ...(typeof gitlab === 'string' && { gitlab }),
    ...(typeof project === 'string' && {
      configuration: {
        project,
        ...(typeof applied === 'string' && { applied }),
        ...(typeof observed === 'string' && { observed }),
        problems: texts(problems),
        ...(typeof moreProblems === 'number' && { moreProblems }),
      },
    }),
    entries: texts(entries),
    removed: Object.fromEntries(
      Object.entries((removed ?? {}) as object).filter(([, words]) => typeof words === 'string'),
    ),
  };
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** Who leads, as the Lease of the agent says; a Lease that was given back has no holder. */
export function leadershipOf(lease: KubeObject): Leadership {
  const holder = dig(lease, 'spec', 'holderIdentity');
  const renewedAt = dig(lease, 'spec', 'renewTime');
  return {
    // The agent adds an underscore and eight digits to the name of its Pod.
    ...(typeof holder === 'string' && holder !== '' && { holder: holder.replace(/_[0-9a-f]{8}$/, '') }),
    ...(typeof renewedAt === 'string' && { renewedAt }),
  };
}

/** A Lease that was not renewed for longer is not held, in ms: it lasts 10 s. */
export const LEASE_LASTS = 15_000;

/** What is to be said of an agent's own record: a broken configuration, another version, entries that are gone. */
export function recordNotes(record: AgentRecord | undefined, version: string): AgentNote[] {
  const notes: AgentNote[] = [];
  const { problems = [], moreProblems = 0, applied } = record?.configuration ?? {};
  for (const problem of problems) {
    const stays = applied === undefined ? 'nothing is in force' : `${applied.slice(0, 8)} stays in force`;
    notes.push({ reason: 'BrokenConfiguration', message: `${problem}; ${stays}` });
  }
  if (moreProblems > 0)
    notes.push({ reason: 'BrokenConfiguration', message: `${moreProblems} more problems` });
  if (record?.version !== undefined && record.version !== version)
    notes.push({ reason: 'OtherVersion', message: `it runs v${record.version}, and this is v${version}` });
  for (const [entry, words] of Object.entries(record?.removed ?? {}))
    notes.push({ reason: 'Removed', message: `${entry} left the configuration: ${words}` });
  return notes;
}
