import { HEALTH_STATUSES, type Health, type HealthStatus, isWell } from '../model/health.ts';
import { type Json, type JsonObject, stringifyJson } from '../model/json.ts';
import { formatObject, type ObjectId } from '../model/object.ts';
import { escapeJsonText, oneLine } from './escape.ts';
import { painter, type Style, wrap } from './terminal.ts';
import { cutWide } from './wide.ts';
import { yamlText } from './yaml.ts';

export const HEALTH_FORMATS = ['table', 'json', 'yaml'] as const;
export type HealthFormat = (typeof HEALTH_FORMATS)[number];

/** An object with its health. */
export interface JudgedObject {
  id: ObjectId;
  health: Health;
}

/** One object of a HealthReport. */
export interface ReportedHealth {
  group: string;
  version: string;
  kind: string;
  namespace?: string;
  name: string;
  health: HealthStatus;
  reason?: string;
  message?: string;
}

/** The document of `health -o json` and `-o yaml`, described by `schemas/health-report.schema.json`. */
export interface HealthReport {
  apiVersion: 'agent.gitlab.com/v1alpha1';
  kind: 'HealthReport';
  objects: ReportedHealth[];
}

/** Every object, in the order in which they came. */
export function healthReport(judged: readonly JudgedObject[]): HealthReport {
  return {
    apiVersion: 'agent.gitlab.com/v1alpha1',
    kind: 'HealthReport',
    objects: judged.map(({ id: { group, version, kind, namespace, name }, health }) => ({
      group,
      version,
      kind,
      ...(namespace ? { namespace } : {}),
      name,
      health: health.status,
      ...(health.reason ? { reason: health.reason } : {}),
      ...(health.message ? { message: health.message } : {}),
    })),
  };
}

/** `health`: 0 where every object is as wanted or suspended on purpose, else 1. */
export function healthExitCode(judged: readonly JudgedObject[]): 0 | 1 {
  return judged.every(({ health }) => isWell(health.status)) ? 0 : 1;
}

/** Health as text, each line ended. `color` and `width` (in columns) count for the table only. */
export function renderHealth(
  format: HealthFormat,
  judged: readonly JudgedObject[],
  options: { color?: boolean; width?: number } = {},
): string {
  const report = healthReport(judged);
  if (format === 'json') return `${escapeJsonText(stringifyJson(report, 2))}\n`;
  if (format === 'yaml') return yamlText(report as unknown as JsonObject satisfies Json, 'given');
  return table(judged, options.color ?? false, options.width ?? 80);
}

// One very long name must not push the reasons of all other objects out of sight.
const MAX_COLUMN = 60;

export const HEALTH_STYLES: Record<HealthStatus, Style> = {
  degraded: 'red',
  missing: 'red',
  unknown: 'yellow',
  progressing: 'yellow',
  suspended: 'cyan',
  healthy: 'green',
};

/** A line for each object, the worst first, with a sentence below it where it is not as wanted; then the counts. */
function table(judged: readonly JudgedObject[], color: boolean, width: number): string {
  const paint = painter(color);
  const rank = ({ health }: JudgedObject): number => HEALTH_STATUSES.indexOf(health.status);
  const sorted = judged.toSorted((a, b) => rank(a) - rank(b));
  const names = sorted.map(({ id }) => oneLine(formatObject(id)));
  const first = Math.max(...HEALTH_STATUSES.map((status) => status.length));
  const second = Math.min(
    MAX_COLUMN,
    names.reduce((widest, name) => Math.max(widest, name.length), 0),
  );
  const lines = sorted.flatMap(({ health }, index) => {
    const { status, reason, message } = health;
    const style = HEALTH_STYLES[status];
    const word = status.padEnd(first);
    const row = [style ? paint(style, word) : word, names[index]!.padEnd(second), oneLine(reason)];
    const line = row.join('  ').trimEnd();
    if (!message || isWell(status)) return [line];
    return [line, ...wrap(cutWide(oneLine(message)), width, ' '.repeat(first + 2))];
  });
  return `${[...lines, ...(lines.length > 0 ? [''] : []), paint('bold', counts(judged))].join('\n')}\n`;
}

/** `1 degraded, 2 progressing, 7 healthy`. */
function counts(judged: readonly JudgedObject[]): string {
  const parts = HEALTH_STATUSES.flatMap((status) => {
    const number = judged.filter(({ health }) => health.status === status).length;
    return number > 0 ? [`${number} ${status}`] : [];
  });
  return parts.join(', ') || 'no objects';
}
