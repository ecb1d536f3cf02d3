import {
  countOutcomes,
  countText,
  kindText,
  OUTCOME_KINDS,
  type Outcome,
  type OutcomeCounts,
  type OutcomeKind,
  outcomeKind,
} from '../model/apply.ts';
import { HEALTH_STATUSES, type Health, isWell } from '../model/health.ts';
import { deepEqual, type Json } from '../model/json.ts';
import { formatObject, type ObjectId } from '../model/object.ts';
import type { Change } from '../model/plan.ts';
import type { HistoryEntry, RecordedFailure, RevisionAt, RunFacts, SetStatus } from '../model/record.ts';
import { boundedFailures, boundedFiles, boundedNames } from './record-text.ts';
import { failuresOf, keptBack, verdictOf } from './verdict.ts';

export interface WantedObject {
  id: ObjectId;
  source: { file: string; line: number };
}

/** A run as it went. Times are RFC 3339 in UTC. */
export interface FinishedRun {
  outcomes: readonly Outcome[];
  /** What the manifests want, and where they say so: a failure may name another line. */
  objects: readonly WantedObject[];
  startedAt: string;
  finishedAt: string;
}

/** What is said while objects are written, and stays where the program dies. */
export function beginningStatus(
  before: SetStatus | undefined,
  facts: RunFacts,
  startedAt: string,
  objects: number,
): SetStatus {
  return {
    state: 'Syncing',
    reason: 'Applying',
    message: `objects are being written since ${startedAt}`,
    ...revisions(before, facts, startedAt),
    ...described(facts),
    startedAt,
    objects,
  };
}

/** What is said of a run that came to its end. */
export function finishedStatus(
  before: SetStatus | undefined,
  facts: RunFacts,
  { outcomes, objects, startedAt, finishedAt }: FinishedRun,
): SetStatus {
  const verdict = verdictOf(outcomes);
  // Deletes that wait for somebody's word keep the set from being synced, not its objects from being applied.
  const isApplied = verdict.state === 'Synced' || verdict.reason === 'PruneBlocked';
  const applied = isApplied ? at(facts.revision, before?.applied, finishedAt) : before?.applied;
  const wrote = outcomes.some(hasWritten);
  const { kept: failures, more: moreFailures } = boundedFailures(failuresOf(outcomes));
  return {
    ...verdict,
    ...revisions(before, facts, finishedAt),
    ...(applied && { applied }),
    ...described(facts),
    startedAt,
    finishedAt,
    objects: objects.length,
    counts: countOutcomes(outcomes),
    // Of objects that were written since, it says nothing any more.
    ...(!wrote && healthPart(before)),
    ...keptBack(outcomes),
    ...(failures.length > 0 && { failures }),
    ...(moreFailures > 0 && { moreFailures }),
  };
}

/** What is said where there was no plan to carry out: the source could not be read, the parent not be used, … */
export function brokenStatus(
  before: SetStatus | undefined,
  facts: RunFacts,
  failures: readonly [RecordedFailure, ...RecordedFailure[]],
  { startedAt, finishedAt }: Pick<FinishedRun, 'startedAt' | 'finishedAt'>,
): SetStatus {
  const { kept, more } = boundedFailures(failures);
  const { reason, message } = kept[0]!;
  return {
    state: 'Failed',
    reason,
    message,
    ...revisions(before, facts, finishedAt),
    ...described(facts),
    startedAt,
    finishedAt,
    ...(before?.objects !== undefined && { objects: before.objects }),
    ...healthPart(before),
    failures: kept,
    ...(more > 0 && { moreFailures: more }),
  };
}

const WOULD: Record<Change['action'], OutcomeKind> = {
  create: 'created',
  update: 'changed',
  replace: 'replaced',
  delete: 'pruned',
  unchanged: 'unchanged',
  skip: 'skipped',
  unknown: 'failed',
};

/** What is said of a dry run: what it would have done, as counts. What is applied stays as it was. */
export function plannedStatus(
  before: SetStatus | undefined,
  facts: RunFacts,
  changes: readonly Change[],
  { startedAt, finishedAt }: Pick<FinishedRun, 'startedAt' | 'finishedAt'>,
): SetStatus {
  const groups = Map.groupBy(changes, ({ action }) => WOULD[action]);
  const counts: OutcomeCounts = Object.fromEntries(
    OUTCOME_KINDS.flatMap((kind) => (groups.has(kind) ? [[kind, groups.get(kind)!.length]] : [])),
  );
  const { kept, more } = boundedFailures(
    (groups.get('failed') ?? []).map(({ id, reason = 'Unknown', message = '', source }) => ({
      object: formatObject(id),
      reason,
      message,
      ...(source && { source: `${source.file}:${source.line}` }),
    })),
  );
  return {
    state: kept.length > 0 ? 'Failed' : 'Planned',
    reason: 'DryRun',
    message: `dry run: ${countText(counts)}; nothing was written`,
    ...revisions(before, facts, finishedAt),
    ...described(facts),
    startedAt,
    finishedAt,
    counts,
    ...healthPart(before),
    ...(kept.length > 0 && { failures: kept }),
    ...(more > 0 && { moreFailures: more }),
  };
}

/** The status with how the objects are by now. All of them well makes an applied revision a healthy one. */
export function withHealth(
  status: SetStatus,
  judged: readonly { id: ObjectId; health: Health }[],
  now: string,
): SetStatus {
  const { health: _health, unhealthy: _unhealthy, moreUnhealthy: _more, healthy: before, ...rest } = status;
  const groups = Map.groupBy(judged, ({ health }) => health.status);
  const counts = HEALTH_STATUSES.flatMap((word) =>
    groups.has(word) ? [[word, groups.get(word)!.length]] : [],
  );
  const unwell = judged.filter(({ health }) => !isWell(health.status));
  const { kept, more } = boundedFailures(
    unwell.map(({ id, health: { status: word, reason, message, terminal } }) => ({
      object: formatObject(id),
      reason,
      message: message ? `${word}: ${message}` : word,
      ...(terminal && { terminal }),
    })),
  );
  const applied = status.state === 'Synced' ? status.applied : undefined;
  const healthy = applied && unwell.length === 0 ? at(applied.revision, before, now) : before;
  return {
    ...rest,
    ...(healthy && { healthy }),
    health: Object.fromEntries(counts) as SetStatus['health'] & object,
    ...(kept.length > 0 && { unhealthy: kept }),
    ...(more > 0 && { moreUnhealthy: more }),
  };
}

/** The entry that a finished run adds to the history. */
export function entryOf(status: SetStatus, outcomes: readonly Outcome[]): HistoryEntry {
  const { state, reason, message, observed, startedAt, finishedAt = startedAt, trigger, source } = status;
  const { kept, more } = boundedNames(
    outcomes.filter(hasWritten).map((outcome) => {
      return `${kindText(outcomeKind(outcome))} ${formatObject(outcome.change.id)}`;
    }),
  );
  return {
    ...(observed?.revision !== undefined && { revision: observed.revision }),
    result: state,
    reason,
    message,
    startedAt,
    finishedAt,
    ...(trigger !== undefined && { trigger }),
    ...(source.by !== undefined && { by: source.by }),
    counts: countOutcomes(outcomes),
    ...(kept.length > 0 && { changed: kept }),
    ...(more > 0 && { moreChanged: more }),
  };
}

/** The newest first. A run that neither changed anything nor ended otherwise than the last one adds nothing. */
export function withEntry(history: readonly HistoryEntry[], entry: HistoryEntry): HistoryEntry[] {
  const last = history[0];
  const same =
    last?.revision === entry.revision && last?.result === entry.result && last.reason === entry.reason;
  return same && !entry.changed ? [...history] : [entry, ...history];
}

/** Whether two statuses say the same of the set, whenever, by whom and how often it was found. */
export function sameStatus(a: SetStatus, b: SetStatus): boolean {
  return deepEqual(lasting(a), lasting(b));
}

function lasting(status: SetStatus): Json {
  const { state, message, startedAt: _s, finishedAt: _f, counts: _c, trigger: _t, source, ...rest } = status;
  const { by: _by, tool: _tool, ...from } = source;
  const plain = {
    ...rest,
    state,
    source: from,
    // Of a synced set it tells what the last run did.
    ...((state === 'Failed' || state === 'Planned') && { message }),
    ...Object.fromEntries(
      (['wanted', 'observed', 'applied', 'healthy'] as const).map((name) => [
        name,
        rest[name] && (rest[name].revision ?? null),
      ]),
    ),
  };
  return JSON.parse(JSON.stringify(plain)) as Json;
}

function revisions(
  before: SetStatus | undefined,
  { revision, wanted = revision }: RunFacts,
  now: string,
): Pick<SetStatus, 'wanted' | 'observed' | 'applied' | 'healthy'> {
  return {
    ...(wanted !== undefined && { wanted: at(wanted, before?.wanted, now) }),
    ...(revision !== undefined && { observed: at(revision, before?.observed, now) }),
    ...(before?.applied && { applied: before.applied }),
    ...(before?.healthy && { healthy: before.healthy }),
  };
}

/** A revision has the time at which it became what it is. */
function at(revision: string | undefined, before: RevisionAt | undefined, now: string): RevisionAt {
  if (revision === undefined) return { at: now };
  return before?.revision === revision ? before : { revision, at: now };
}

function described({
  source,
  configuration,
  trigger,
  requestedAt,
}: RunFacts): Pick<SetStatus, 'source' | 'configuration' | 'trigger' | 'requestedAt'> {
  const { url, project, ref, files, by, tool } = source;
  return {
    source: {
      ...(url !== undefined && { url: withoutCredentials(url) }),
      ...(project !== undefined && { project }),
      ...(ref !== undefined && { ref }),
      ...(files && { files: boundedFiles(files) }),
      ...(by !== undefined && { by }),
      ...(tool !== undefined && { tool }),
    },
    ...(configuration !== undefined && { configuration }),
    ...(trigger !== undefined && { trigger }),
    ...(requestedAt !== undefined && { requestedAt }),
  };
}

function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1');
}

function healthPart(before: SetStatus | undefined): Partial<SetStatus> {
  const { health, unhealthy, moreUnhealthy } = before ?? {};
  return {
    ...(health && { health }),
    ...(unhealthy && { unhealthy }),
    ...(moreUnhealthy && { moreUnhealthy }),
  };
}

function hasWritten({ result }: Outcome): boolean {
  return result === 'applied' || result === 'pruned';
}
