import { isObject, type Json, type JsonObject, stringifyJson, tryParseJson } from '../model/json.ts';
import { LEVELS, type Level } from '../model/log-level.ts';
import { escapeJsonText, escapeUnsafe, oneLine } from './escape.ts';
import { type Paint, painter, type Style } from './terminal.ts';

/** A line of an agent's log, as it was read; `told` is absent for what is not one of its JSON objects. */
export interface LogText {
  text: string;
  told?: JsonObject & { level: Level; msg: string };
}

export interface LogStyle {
  color: boolean;
  now: Date;
  /** How entries are called, by their names; others by their projects. */
  labels: ReadonlyMap<string, string>;
}

/** Reads what a container wrote; a crash of its runtime is no JSON, and is a line all the same. */
export function readLogText(text: string): LogText {
  const told = text.startsWith('{') ? tryParseJson(text) : undefined;
  if (!isObject(told) || typeof told.msg !== 'string' || !isLevel(told.level)) return { text };
  return { text, told: told as JsonObject & { level: Level; msg: string } };
}

function isLevel(value: unknown): value is Level {
  return (LEVELS as readonly unknown[]).includes(value);
}

/** The line as it is; what could drive a terminal is escaped, which leaves the value of JSON as it was. */
export function rawLogLine({ text, told }: LogText): string {
  return told ? escapeJsonText(text) : escapeUnsafe(text);
}

const COLORS: Record<Level, Style> = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' };
const LEVEL_WIDTH = 5;
/** Fields that stand elsewhere in the line, or say in each line whose log it is. */
const PLACED = new Set(['level', 'time', 'msg', 'agent', 'project', 'entry', 'error', 'hint']);
const COMMIT_SHOWN = 12;

/** One line for a person: time (local), level, project, message with its error, the other fields, the hint. */
export function logLine(line: LogText, { color, now, labels }: LogStyle): string {
  const { text, told } = line;
  if (!told) return escapeUnsafe(text);
  const paint = painter(color);
  const { level, time, msg, project, entry, error, hint } = told;
  const label = labels.get(String(entry)) ?? project ?? entry;
  const fields = Object.entries(told).flatMap(([name, value]) =>
    PLACED.has(name) || value === null ? [] : fieldText(name, value, paint),
  );
  return [
    paint('dim', timeText(time, now)),
    paint(COLORS[level], level.padEnd(LEVEL_WIDTH)),
    ...(label === undefined ? [] : [paint('cyan', oneLine(String(label)))]),
    oneLine(error === undefined ? msg : `${msg}: ${String(error)}`),
    ...fields,
    ...(hint === undefined ? [] : [paint('dim', `hint: ${oneLine(String(hint))}`)]),
  ].join(' ');
}

function fieldText(name: string, value: Json, paint: Paint): string {
  const plain = Array.isArray(value)
    ? value.join(',')
    : typeof value === 'object'
      ? stringifyJson(value)
      : String(value);
  const short = name === 'commit' ? plain.slice(0, COMMIT_SHOWN) : plain;
  const quoted = /^[^\s"=]+$/.test(short) ? short : JSON.stringify(short);
  return paint('dim', `${oneLine(name)}=${escapeUnsafe(quoted)}`);
}

/** The time of the day where the line is; the day as well where that is not today's. */
function timeText(time: unknown, now: Date): string {
  const at = new Date(typeof time === 'string' ? time : Number.NaN);
  if (Number.isNaN(at.getTime())) return '--:--:--';
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
  const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  if (at.getFullYear() !== now.getFullYear()) return `${at.getFullYear()}-${day} ${clock}`;
  return day === `${two(now.getMonth() + 1)}-${two(now.getDate())}` ? clock : `${day} ${clock}`;
}
