import { OUTCOME_KINDS, type OutcomeCounts } from '../model/apply.ts';
import { HEALTH_STATUSES } from '../model/health.ts';
import { isObject, type Json, type JsonObject, tryParseJson } from '../model/json.ts';
import type {
  HistoryEntry,
  RecordData,
  RecordedFailure,
  RevisionAt,
  RunSource,
  SetInventory,
  SetRecord,
  SetStatus,
  SyncState,
} from '../model/record.ts';

// Anybody with the right to edit ConfigMaps can write into a parent: what is not as we write it is as good as absent.

/** What the `data` of a parent tells. */
export function readRecord(data: RecordData): SetRecord {
  const status = readStatus(tryParseJson(data.status));
  const history = tryParseJson(data.history);
  const inventory = readInventory(tryParseJson(data.inventory));
  return {
    ...(status && { status }),
    history: Array.isArray(history) ? history.flatMap((entry) => readEntry(entry) ?? []) : [],
    ...(inventory && { inventory }),
  };
}

function readStatus(value: Json | undefined): SetStatus | undefined {
  if (!isObject(value)) return undefined;
  const { state, reason, message, startedAt } = value;
  if (!isState(state) || !areTexts([reason, message, startedAt])) return undefined;
  return {
    state,
    reason: String(reason),
    message: String(message),
    ...revision(value, 'wanted'),
    ...revision(value, 'observed'),
    ...revision(value, 'applied'),
    ...revision(value, 'healthy'),
    source: readSource(value.source),
    ...text(value, 'configuration'),
    ...text(value, 'trigger'),
    ...text(value, 'requestedAt'),
    startedAt: String(startedAt),
    ...text(value, 'finishedAt'),
    ...number(value, 'objects'),
    ...counts(value, 'counts', OUTCOME_KINDS),
    ...counts(value, 'health', HEALTH_STATUSES),
    ...counts(value, 'kept'),
    ...failures(value, 'failures'),
    ...number(value, 'moreFailures'),
    ...failures(value, 'unhealthy'),
    ...number(value, 'moreUnhealthy'),
  };
}

function readEntry(value: Json): HistoryEntry | undefined {
  if (!isObject(value)) return undefined;
  const { result, reason, message, startedAt, finishedAt } = value;
  if (!isState(result) || !areTexts([reason, message, startedAt, finishedAt])) return undefined;
  const changed = texts(value.changed);
  return {
    ...text(value, 'revision'),
    result,
    reason: String(reason),
    message: String(message),
    startedAt: String(startedAt),
    finishedAt: String(finishedAt),
    ...text(value, 'trigger'),
    ...text(value, 'by'),
    counts: (counts(value, 'counts', OUTCOME_KINDS).counts ?? {}) as OutcomeCounts,
    ...(changed.length > 0 && { changed }),
    ...number(value, 'moreChanged'),
  };
}

function readSource(value: Json | undefined): RunSource {
  if (!isObject(value)) return {};
  const files = texts(value.files);
  return {
    ...text(value, 'url'),
    ...text(value, 'project'),
    ...text(value, 'ref'),
    ...(files.length > 0 && { files }),
    ...text(value, 'by'),
    ...text(value, 'tool'),
  };
}

function readInventory(value: Json | undefined): SetInventory | undefined {
  if (!isObject(value) || !isObject(value.objects)) return undefined;
  const objects = new Map<string, Map<string, string>>();
  for (const [group, members] of Object.entries(value.objects)) {
    if (!isObject(members)) continue;
    const places = Object.entries(members).filter((entry): entry is [string, string] => areTexts([entry[1]]));
    objects.set(group, new Map(places));
  }
  return { ...text(value, 'revision'), objects, ...number(value, 'leftOut') };
}

function isState(value: Json | undefined): value is SyncState {
  return value === 'Syncing' || value === 'Synced' || value === 'Failed' || value === 'Planned';
}

function areTexts(values: (Json | undefined)[]): boolean {
  return values.every((value) => typeof value === 'string');
}

function texts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function text<K extends string>(value: JsonObject, key: K): { [P in K]?: string } {
  const found = value[key];
  return (typeof found === 'string' ? { [key]: found } : {}) as { [P in K]?: string };
}

function number<K extends string>(value: JsonObject, key: K): { [P in K]?: number } {
  const found = value[key];
  return (isCount(found) ? { [key]: found } : {}) as { [P in K]?: number };
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}

function counts<K extends string>(
  value: JsonObject,
  key: K,
  names?: readonly string[],
): { [P in K]?: Record<string, number> } {
  const found = value[key];
  if (!isObject(found)) return {};
  const kept = Object.entries(found).filter(
    ([name, count]) => isCount(count) && (names?.includes(name) ?? true),
  );
  return { [key]: Object.fromEntries(kept) } as { [P in K]?: Record<string, number> };
}

function revision<K extends string>(value: JsonObject, key: K): { [P in K]?: RevisionAt } {
  const found = value[key];
  if (!isObject(found) || typeof found.at !== 'string') return {};
  return { [key]: { ...text(found, 'revision'), at: found.at } } as { [P in K]?: RevisionAt };
}

function failures<K extends string>(value: JsonObject, key: K): { [P in K]?: RecordedFailure[] } {
  const found = value[key];
  if (!Array.isArray(found)) return {};
  const read = found.flatMap((item): RecordedFailure[] => {
    if (!isObject(item) || !areTexts([item.reason, item.message])) return [];
    return [
      {
        ...text(item, 'object'),
        reason: String(item.reason),
        message: String(item.message),
        ...text(item, 'source'),
        ...(item.terminal === true && { terminal: true as const }),
      },
    ];
  });
  return { [key]: read } as { [P in K]?: RecordedFailure[] };
}
