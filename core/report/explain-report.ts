import type { Explanation, FieldOwner, OwnSet } from '../model/explain.ts';
import { type HealthStatus, isWell, type StoryLine } from '../model/health.ts';
import type { Json } from '../model/json.ts';
import { formatObject } from '../model/object.ts';
import { ageText } from './age.ts';
import { type ReportedChange, reportedChange } from './diff-report.ts';
import { type DocumentFormat, documentText } from './document.ts';
import { oneLine } from './escape.ts';
import { shortRevision } from './history-report.ts';
import { splitSource } from './inventory-report.ts';
import { painter, STEP_HANG, wrap } from './terminal.ts';
import { unified } from './unified.ts';
import { cutWide } from './wide.ts';

/** The document of `explain -o json` and `-o yaml`, described by `schemas/explain-report.schema.json`. */
export interface ExplainReport {
  apiVersion: 'agent.gitlab.com/v1alpha1';
  kind: 'ExplainReport';
  object: { group: string; version: string; kind: string; namespace?: string; name: string };
  exists: boolean;
  applySet?: Omit<OwnSet, 'source' | 'set'> & OwnSet['set'] & { source?: { file: string; line: number } };
  /** Why it has no apply set that could be told. */
  noApplySet?: string;
  health: { status: HealthStatus; reason: string; message?: string };
  /** Why it is not well, two spaces before a line that explains the one above. */
  story?: string[];
  /** What an apply of the manifests at hand would do. */
  change?: ReportedChange;
  owners: FieldOwner[];
}

export function explainReport(explanation: Explanation): ExplainReport {
  const { id, exists, owner, noOwner, owners, change, health, story } = explanation;
  const { group, version, kind, namespace, name } = id;
  const { set, source, ...rest } = owner ?? {};
  return {
    apiVersion: 'agent.gitlab.com/v1alpha1',
    kind: 'ExplainReport',
    object: { group, version, kind, ...(namespace !== undefined && { namespace }), name },
    exists,
    ...(owner && {
      applySet: {
        ...set!,
        ...(rest as typeof owner),
        ...(source !== undefined && { source: splitSource(source) }),
      },
    }),
    ...(noOwner !== undefined && { noApplySet: noOwner }),
    health: {
      status: health.status,
      reason: health.reason,
      ...(health.message && { message: health.message }),
    },
    ...(story.length > 0 && { story: story.map(storyLine) }),
    ...(change && { change: reportedChange(change, true) }),
    owners,
  } as ExplainReport;
}

/** `explain`: 2 where it can't be told what an apply would do, 1 where the object is not as wanted, else 0. */
export function explainExitCode({ exists, owner, change, health }: Explanation): 0 | 1 | 2 {
  if (change?.action === 'unknown') return 2;
  const differs = change !== undefined && change.action !== 'unchanged' && change.action !== 'skip';
  const astray = owner !== undefined && (owner.state !== 'present' || owner.failure !== undefined);
  return exists && !differs && !astray && isWell(health.status) ? 0 : 1;
}

export interface ExplainStyle {
  color: boolean;
  /** In columns. */
  width: number;
  now: Date;
}

/** All that is known of an object as text, each line ended; the style counts for `text` only. */
export function renderExplanation(
  format: 'text' | DocumentFormat,
  explanation: Explanation,
  style: ExplainStyle,
): string {
  if (format !== 'text') return documentText(format, explainReport(explanation) as unknown as Json);
  const paint = painter(style.color);
  const { id, owner, noOwner, owners, change, health, story } = explanation;
  const part = (title: string, lines: readonly string[]): string[] =>
    lines.length > 0 ? ['', paint('bold', title), ...lines] : [];
  const lines = [
    paint('bold', oneLine(formatObject(id))),
    ...(owner ? ownerLines(owner, style) : said('set', noOwner ?? 'none', style)),
    ...said('health', healthText(health), style, isWell(health.status) ? 'green' : 'yellow'),
    ...part(
      'Why it is not well',
      story.map((line) => cutWide(storyLine(line))).flatMap((text) => told(text, style)),
    ),
    ...part(
      'Who owns its fields',
      owners.flatMap((one) => fieldLines(one, style)),
    ),
  ];
  const diff = change
    ? part('What an apply of the manifests would do', [unified([change], style).trimEnd()])
    : [];
  return [...lines, ...diff].map((line) => `${line}\n`).join('');
}

const STATES: Record<OwnSet['state'], string> = {
  missing: 'it is not in the cluster, and should be',
  unlabelled: 'it has lost the label of the set: the next apply adopts it',
  foreign: 'somebody else wrote the label of the set on it: a prune leaves it alone',
  left: 'it is no longer in the manifests: a prune deletes it',
  present: '',
};

function ownerLines(owner: OwnSet, style: ExplainStyle): string[] {
  const { set, agent, entry, state, source, observed, applied, sync, by, failure } = owner;
  const ago = (time: string): string => `${ageText(time, style.now)} ago`;
  const of = agent === undefined ? '' : ` (agent ${agent}${entry === undefined ? '' : `, entry ${entry}`})`;
  const at = observed?.revision === undefined ? '' : ` at ${shortRevision(observed.revision)}`;
  const done =
    applied &&
    `${applied.revision === undefined ? '' : `${shortRevision(applied.revision)}, `}${ago(applied.at)}`;
  const end =
    sync &&
    `${sync.state}, ${sync.reason}, ${ago(sync.finishedAt ?? sync.startedAt)}${by === undefined ? '' : `, by ${by}`}`;
  return [
    ...said('set', `${set.name} -n ${set.namespace}${of}`, style),
    ...(source === undefined ? [] : said('from', `${source}${at}`, style)),
    ...(done ? said('applied', done, style) : []),
    ...(end ? said('last sync', end, style) : []),
    ...(STATES[state] ? said('member', STATES[state], style, 'yellow') : []),
    ...(failure ? said('failure', `${failure.reason}: ${failure.message}`, style, 'red') : []),
  ];
}

const LABEL = 11;

function said(
  name: string,
  text: string,
  { color, width }: Pick<ExplainStyle, 'color' | 'width'>,
  style?: 'green' | 'yellow' | 'red',
): string[] {
  const paint = painter(color);
  const [first = '', ...more] = wrap(cutWide(oneLine(text)), width - LABEL, '');
  const painted = (line: string): string => (style ? paint(style, line) : line);
  return [
    `${`${name}:`.padEnd(LABEL)}${painted(first)}`,
    ...more.map((line) => `${' '.repeat(LABEL)}${painted(line.trimStart())}`),
  ];
}

function healthText({ status, reason, message }: Explanation['health']): string {
  return `${status}, ${reason}${message ? `: ${message}` : ''}`;
}

function storyLine({ depth, text }: StoryLine): string {
  return `${'  '.repeat(depth)}${oneLine(text)}`;
}

function told(text: string, { width }: ExplainStyle): string[] {
  return wrap(text.trimStart(), width, ' '.repeat(2 + text.length - text.trimStart().length), STEP_HANG);
}

const MAX_FIELDS = 8;

/** `gitlab-agent applied 12 fields 3m ago`, then which. */
function fieldLines(
  { manager, operation, subresource, time, count, fields }: FieldOwner,
  style: ExplainStyle,
): string[] {
  const verb = operation === 'Apply' ? 'applied' : 'wrote';
  const through = subresource === undefined ? '' : ` through ${subresource}`;
  const when = time === undefined ? '' : ` ${ageText(time, style.now)} ago`;
  const noun = count === 1 ? 'field' : 'fields';
  const paths = fields.slice(0, MAX_FIELDS).map((one) => {
    return oneLine(one.count === 1 ? one.path : `${one.path} (${one.count})`);
  });
  const more = fields.length - MAX_FIELDS;
  const list = `${paths.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return [
    `  ${oneLine(manager)} ${verb} ${count} ${noun}${through}${when}`,
    ...(list === '' ? [] : wrap(list, style.width, '    ')),
  ];
}
