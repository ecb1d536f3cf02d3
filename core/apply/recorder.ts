import type { ApplySetId } from '../model/apply.ts';
import type { Cluster, Discovery } from '../model/cluster.ts';
import type { Health } from '../model/health.ts';
import { deepEqual } from '../model/json.ts';
import { formatObject, type ObjectId } from '../model/object.ts';
import type { Change } from '../model/plan.ts';
import type {
  HistoryEntry,
  RecordData,
  RecordedFailure,
  RunFacts,
  SetInventory,
  SetRecord,
  SetStatus,
} from '../model/record.ts';
import type { Extent } from './apply-set.ts';
import { eventsOf, healthEvents, type SetEvent, writeEvents } from './events.ts';
import { inventoryGroup } from './inventory.ts';
import { type FoundSet, findSet, type Telling, widenSet } from './parent.ts';
import type { ParentMarks, ParentState, ParentWords } from './parent-object.ts';
import { readRecord } from './read-record.ts';
import { recordData, statusText } from './record-text.ts';
import {
  beginningStatus,
  brokenStatus,
  entryOf,
  type FinishedRun,
  finishedStatus,
  plannedStatus,
  sameStatus,
  type WantedObject,
  withEntry,
  withHealth,
} from './status.ts';

/** What a run tells of itself in the parent of its set. */
export interface RecordOptions {
  facts: RunFacts;
  /** Whose the parent is; what it says already stays where nothing is said. */
  marks?: ParentMarks;
  /** `data.entry`; what is there stays where nothing is said. */
  entry?: string;
}

/**
 * What is told before objects are written (`writes`); without that nothing but what the parent tells already. A retry
 * of what failed is no news before it has come to another end.
 */
export function beginning(
  record: RecordOptions,
  run: { writes: boolean; objects: number; startedAt: string },
): Telling {
  return (live) => {
    const words = wordsOf(live, record);
    const { status: before } = readRecord(words.data);
    const { facts } = record;
    const isRetry = before?.state === 'Failed' && before.observed?.revision === facts.revision;
    if (!run.writes || (isRetry && facts.revision !== undefined)) return { words, isNews: false };
    const status = statusText(beginningStatus(before, facts, run.startedAt, run.objects));
    return { words: { ...words, data: { ...words.data, status } }, isNews: true };
  };
}

/** What is told of a run that came to its end; no news where it did nothing and found all as it was. */
export function ending(record: RecordOptions, run: FinishedRun): Telling {
  const wrote = run.outcomes.some(({ result }) => result === 'applied' || result === 'pruned');
  return (live) => {
    const words = wordsOf(live, record);
    const before = readRecord(words.data);
    const { status: last } = before;
    if (last?.startedAt === run.startedAt && last.finishedAt === run.finishedAt)
      return { words, isNews: false };
    const status = finishedStatus(last, record.facts, run);
    const history = withEntry(before.history, entryOf(status, run.outcomes));
    const inventory = inventoryOf(status, run.objects);
    const data = recordData(status, history, inventory, words.data.entry);
    const isNews = wrote || !isTold(live, words, last, status) || words.data.inventory !== data.inventory;
    return { words: isNews ? { ...words, data } : words, isNews };
  };
}

/** What is told where a run could not even be planned. */
function broken(
  record: RecordOptions,
  failures: readonly [RecordedFailure, ...RecordedFailure[]],
  times: Pick<FinishedRun, 'startedAt' | 'finishedAt'>,
): Telling {
  return (live) => {
    const words = wordsOf(live, record);
    const before = readRecord(words.data);
    const status = brokenStatus(before.status, record.facts, failures, times);
    if (isTold(live, words, before.status, status)) return { words, isNews: false };
    const history = withEntry(before.history, entryOf(status, []));
    return { words: { ...words, data: dataOf(words, before, status, history) }, isNews: true };
  };
}

/** What is told of a dry run. */
function planned(
  record: RecordOptions,
  changes: readonly Change[],
  times: Pick<FinishedRun, 'startedAt' | 'finishedAt'>,
): Telling {
  return (live) => {
    const words = wordsOf(live, record);
    const before = readRecord(words.data);
    const status = plannedStatus(before.status, record.facts, changes, times);
    if (isTold(live, words, before.status, status)) return { words, isNews: false };
    const history = withEntry(before.history, { ...entryOf(status, []), counts: status.counts ?? {} });
    return { words: { ...words, data: dataOf(words, before, status, history) }, isNews: true };
  };
}

function healthTold(
  record: RecordOptions,
  judged: readonly { id: ObjectId; health: Health }[],
  now: string,
): Telling {
  return (live) => {
    const words = wordsOf(live, record);
    const before = readRecord(words.data);
    const { revision } = record.facts;
    // Another revision was begun since: how its objects are is not known yet.
    const isOld = revision !== undefined && before.status?.observed?.revision !== revision;
    const status = before.status && !isOld && withHealth(before.status, judged, now);
    if (!status || isTold(live, words, before.status, status)) return { words, isNews: false };
    return { words: { ...words, data: dataOf(words, before, status, before.history) }, isNews: true };
  };
}

/** What says an agent beside applying needs. */
export interface RecordDesk {
  cluster: Cluster;
  discovery: Discovery;
  /** Of this program. */
  version: string;
  record: RecordOptions;
  /** Told why Events could not be written. */
  onNotice: (text: string) => void;
}

/**
 * Writes that a run could not even be planned: its source could not be read, its objects contradict each other. Makes
 * the parent where there is none. Throws ProblemError where the parent can't be read or written, or is another's.
 */
export async function recordFailure(
  desk: RecordDesk,
  set: ApplySetId,
  failures: readonly [RecordedFailure, ...RecordedFailure[]],
  times: Pick<FinishedRun, 'startedAt' | 'finishedAt'>,
): Promise<void> {
  const found = await findSet(desk.cluster, desk.discovery, set, new Set());
  await record(desk, found, broken(desk.record, failures, times), {
    now: times.finishedAt,
    events: (_before, after) => eventsOf(after, []),
  });
}

/** Writes what a dry run found; makes the parent where there is none. Throws as `recordFailure`. */
export async function recordPlan(
  desk: RecordDesk,
  set: ApplySetId,
  changes: readonly Change[],
  times: Pick<FinishedRun, 'startedAt' | 'finishedAt'>,
): Promise<void> {
  const found = await findSet(desk.cluster, desk.discovery, set, new Set());
  await record(desk, found, planned(desk.record, changes, times), {
    now: times.finishedAt,
    events: (_before, after) => eventsOf(after, []),
  });
}

/**
 * Writes how the objects of a set are by now: counts, who is not well, and the healthy revision once all are. Nothing
 * where the parent says so already, or where no run has written it yet. Throws as `recordFailure`.
 */
export async function recordHealth(
  desk: RecordDesk,
  set: ApplySetId,
  judged: readonly { id: ObjectId; health: Health }[],
  now: string,
): Promise<void> {
  const found = await findSet(desk.cluster, desk.discovery, set, new Set());
  if (found.live)
    await record(desk, found, healthTold(desk.record, judged, now), { now, events: healthEvents });
}

const NOTHING_MORE: Extent = { groupKinds: new Set(), namespaces: new Set() };

async function record(desk: RecordDesk, found: FoundSet, telling: Telling, spoken: Spoken): Promise<void> {
  const { cluster, discovery, version } = desk;
  const now = await widenSet(cluster, discovery, found, NOTHING_MORE, version, telling);
  await tellEvents(desk, found, now, spoken);
}

/** Events about what a parent tells now. */
interface Spoken {
  now: string;
  events: (before: SetStatus | undefined, after: SetStatus) => SetEvent[];
}

/** Writes Events where the parent tells something that it did not tell before. */
export async function tellEvents(
  { cluster, discovery, onNotice }: Pick<RecordDesk, 'cluster' | 'discovery' | 'onNotice'>,
  before: FoundSet,
  after: FoundSet,
  { now, events }: Spoken,
): Promise<void> {
  if (!after.live || before.live?.data.status === after.live.data.status) return;
  const { status } = readRecord(after.live.data);
  if (!status) return;
  const failure = await writeEvents(
    cluster,
    discovery,
    after,
    events(readRecord(before.live?.data ?? {}).status, status),
    now,
  );
  const parent = formatObject({ group: '', version: 'v1', kind: 'ConfigMap', ...after.set });
  if (failure) onNotice(`no Events are written on ${parent}: ${failure.message}`);
}

function wordsOf(live: ParentState | undefined, { marks, entry }: RecordOptions): ParentWords {
  return {
    labels: marks?.labels ?? live?.labels ?? {},
    annotations: marks?.annotations ?? live?.annotations ?? {},
    data: { ...live?.data, ...(entry !== undefined && { entry }) },
  };
}

/** Whether the parent tells the same already. */
function isTold(
  live: ParentState | undefined,
  words: ParentWords,
  before: SetStatus | undefined,
  status: SetStatus,
): boolean {
  if (!live || !before || live.data.entry !== words.data.entry) return false;
  const { labels, annotations } = live;
  return (
    deepEqual({ labels, annotations }, { labels: words.labels, annotations: words.annotations }) &&
    sameStatus(before, status)
  );
}

function dataOf(
  { data }: ParentWords,
  { inventory }: SetRecord,
  status: SetStatus,
  history: readonly HistoryEntry[],
): RecordData {
  return recordData(status, history, inventory, data.entry);
}

/** Where the wanted objects are in the manifests. */
function inventoryOf(status: SetStatus, wanted: readonly WantedObject[]): SetInventory {
  const objects = new Map<string, Map<string, string>>();
  for (const { id, source } of wanted) {
    const group = inventoryGroup(id);
    const members = objects.get(group) ?? new Map<string, string>();
    members.set(id.name, `${source.file}:${source.line}`);
    objects.set(group, members);
  }
  const revision = status.observed?.revision;
  return { ...(revision !== undefined && { revision }), objects };
}
