import { type Json, type JsonObject, stringifyJson } from '../model/json.ts';
import { type Change, type FieldChange, type Summary, summarize } from '../model/plan.ts';
import { escapeJsonText } from './escape.ts';
import { formatPatch, patch } from './patch.ts';
import { unknownFirst } from './words.ts';
import { yamlText } from './yaml.ts';

/** One object of a DiffReport. Absent rather than null or empty where there is nothing to say. */
export interface ReportedChange {
  group: string;
  version: string;
  kind: string;
  namespace?: string;
  name: string;
  action: Change['action'];
  reason?: string;
  message?: string;
  verified?: false;
  source?: { file: string; line: number };
  fields?: FieldChange[];
  /** For people: hunks of the object's YAML. Long ones are shortened, `fields` never is. */
  patch?: string;
  yielded?: string[];
  conflicts?: { path: string; manager: string; time?: string }[];
}

/** The document of `-o json` and `-o yaml`, described by `schemas/diff-report.schema.json`. */
export interface DiffReport {
  apiVersion: 'agent.gitlab.com/v1alpha1';
  kind: 'DiffReport';
  summary: Summary;
  changes: ReportedChange[];
}

export interface DiffReportOptions {
  /** Whether changes carry the patch as text (default true). */
  patches?: boolean;
}

/** Every object of a plan, the unknown ones first, else in the plan's order. */
export function diffReport(changes: readonly Change[], options: DiffReportOptions = {}): DiffReport {
  const patches = options.patches ?? true;
  return {
    apiVersion: 'agent.gitlab.com/v1alpha1',
    kind: 'DiffReport',
    summary: summarize(changes),
    changes: unknownFirst(changes).map((change) => reportedChange(change, patches)),
  };
}

/** One object, with nothing in it that is empty. */
export function reportedChange(change: Change, patches: boolean): ReportedChange {
  const { group, version, kind, namespace, name } = change.id;
  const text = patches ? formatPatch(patch(change)) : '';
  return {
    group,
    version,
    kind,
    ...(namespace ? { namespace } : {}),
    name,
    action: change.action,
    ...(change.reason ? { reason: change.reason } : {}),
    ...(change.message ? { message: change.message } : {}),
    ...(change.verified === false ? { verified: false } : {}),
    ...(change.source ? { source: { file: change.source.file, line: change.source.line } } : {}),
    ...(change.fields?.length ? { fields: change.fields.map(reportedField) } : {}),
    ...(text ? { patch: text } : {}),
    ...(change.yielded?.length ? { yielded: change.yielded } : {}),
    ...(change.conflicts?.length
      ? {
          conflicts: change.conflicts.map(({ path, manager, time }) => ({
            path,
            manager,
            ...(time && { time }),
          })),
        }
      : {}),
  };
}

function reportedField({ path, before, after }: FieldChange): FieldChange {
  return { path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

/** `-o json`: indented by 2, integers exact, characters that could drive a terminal escaped. */
export function reportAsJson(report: object): string {
  return `${escapeJsonText(stringifyJson(report, 2))}\n`;
}

/** `-o yaml`: the same document with its keys in the same order. */
export function reportAsYaml(report: object): string {
  return yamlText(report as JsonObject satisfies Json, 'given');
}
