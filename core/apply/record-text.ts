import { type JsonObject, setOwn, stringifyJson } from '../model/json.ts';
import type { HistoryEntry, RecordData, RecordedFailure, SetInventory, SetStatus } from '../model/record.ts';

// A ConfigMap holds 1 MiB at most, keys and values together. What is written here stays well below: the inventory,
// the only part that grows with the set, takes what the others leave.
const MAX_BYTES = 1_000_000;
const MAX_HISTORY = 20;
const MAX_FAILURES = 50;
const MAX_MESSAGE = 400;
const MAX_CHANGED = 10;
const MAX_FILES = 20;
const MAX_NAME = 330;

/** The `data` of a parent, within the bound of a ConfigMap whatever it has to tell. */
export function recordData(
  status: SetStatus,
  history: readonly HistoryEntry[],
  inventory: SetInventory | undefined,
  entry: string | undefined,
): RecordData {
  const data: RecordData = {
    ...(entry !== undefined && { entry }),
    status: statusText(status),
    ...(history.length > 0 && { history: pretty(history.slice(0, MAX_HISTORY)) }),
  };
  if (!inventory) return data;
  const used = Object.entries(data).reduce((sum, [key, text]) => sum + bytes(key) + bytes(text), 0);
  return { ...data, inventory: inventoryText(inventory, MAX_BYTES - used) };
}

/** `data.status`, its keys in their fixed order whichever run wrote which of them. */
export function statusText(status: SetStatus): string {
  const entries = Object.keys(STATUS_KEYS).flatMap((key) => {
    const value = status[key as keyof SetStatus];
    return value === undefined ? [] : [[key, value] as const];
  });
  return pretty(Object.fromEntries(entries));
}

const STATUS_KEYS: Record<keyof SetStatus, true> = {
  state: true,
  reason: true,
  message: true,
  wanted: true,
  observed: true,
  applied: true,
  healthy: true,
  source: true,
  configuration: true,
  trigger: true,
  requestedAt: true,
  startedAt: true,
  finishedAt: true,
  objects: true,
  counts: true,
  health: true,
  kept: true,
  failures: true,
  moreFailures: true,
  unhealthy: true,
  moreUnhealthy: true,
};

/** The failures that there is room for, and how many there are beside them. */
export function boundedFailures(failures: readonly RecordedFailure[]): {
  kept: RecordedFailure[];
  more: number;
} {
  const kept = failures.slice(0, MAX_FAILURES).map(({ object, reason, message, source, terminal }) => ({
    ...(object !== undefined && { object: shorten(object, MAX_NAME) }),
    reason: shorten(reason, MAX_NAME),
    message: shorten(message, MAX_MESSAGE),
    ...(source !== undefined && { source: shorten(source, MAX_NAME) }),
    ...(terminal && { terminal }),
  }));
  return { kept, more: failures.length - kept.length };
}

/** The names that a history entry has room for, and how many there are beside them. */
export function boundedNames(names: readonly string[]): { kept: string[]; more: number } {
  const kept = names.slice(0, MAX_CHANGED).map((name) => shorten(name, MAX_NAME));
  return { kept, more: names.length - kept.length };
}

/** Paths as a person gave them: a shell may have made thousands of a glob. */
export function boundedFiles(files: readonly string[]): string[] {
  const kept = files.slice(0, MAX_FILES).map((file) => shorten(file, MAX_NAME));
  return files.length > kept.length ? [...kept, `and ${files.length - kept.length} more`] : kept;
}

export function boundedMessage(message: string): string {
  return shorten(message, MAX_MESSAGE);
}

/** Without its end where it is too long, never with half a character. */
function shorten(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  if (line.length <= length) return line;
  return `${line.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** By kind and namespace, then by name: one line for each object, so that a person can search it. */
function inventoryText({ revision, objects }: SetInventory, budget: number): string {
  const groups: JsonObject = {};
  let left = budget - bytes('inventory') - 200;
  let leftOut = 0;
  for (const [group, members] of [...objects].sort(byName)) {
    const lines: JsonObject = {};
    left -= sizeOf(group, '') + 4;
    for (const [name, place] of [...members].sort(byName)) {
      left -= sizeOf(name, place);
      if (left < 0) leftOut += 1;
      else setOwn(lines, name, place);
    }
    if (Object.keys(lines).length > 0) setOwn(groups, group, lines);
  }
  const document = { ...(revision && { revision }), objects: groups, ...(leftOut > 0 && { leftOut }) };
  // One space: thousands of lines have it three times.
  return `${escaped(stringifyJson(document, 1))}\n`;
}

/** Of a line `   "name": "place",`. */
function sizeOf(name: string, place: string): number {
  return bytes(escaped(JSON.stringify(name))) + bytes(escaped(JSON.stringify(place))) + 7;
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}

function pretty(value: unknown): string {
  return `${escaped(stringifyJson(value, 2))}\n`;
}

// With one of these kubectl prints the whole text as a single quoted line; some would also drive a terminal.
const UNPRINTABLE = /[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff\ud800-\udfff]/g;

function escaped(json: string): string {
  return json.replace(UNPRINTABLE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
