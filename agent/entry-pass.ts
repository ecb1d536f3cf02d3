import { AGENT_LABEL, ENTRY_LABEL, PROJECT_ANNOTATION } from '../core/apply/agent-parent.ts';
import { type RecordDesk, type RecordOptions, recordFailure } from '../core/apply/recorder.ts';
import { verdictOf } from '../core/apply/verdict.ts';
import type { Log } from '../core/daemon/log.ts';
import { type ApplyRecord, type ApplySetId, isCounted, isHeldBack } from '../core/model/apply.ts';
import type { Clock } from '../core/model/clock.ts';
import type { Cluster } from '../core/model/cluster.ts';
import { stringifyJson } from '../core/model/json.ts';
import { formatObject, type ObjectId } from '../core/model/object.ts';
import type { Change } from '../core/model/plan.ts';
import { type Problem, ProblemError, placeOf } from '../core/model/problem.ts';
import type { RecordedFailure } from '../core/model/record.ts';
import type { RevisionReader, SourceFailure } from '../core/model/source.ts';
import { oneLine } from '../core/report/escape.ts';
import { problemsOf, type SyncedObject, syncRevision } from '../core/sync.ts';
import type { ResolvedEntry } from './configuration.ts';
import type { Metrics } from './metrics.ts';
import { headline, place } from './words.ts';

/** What every pass over an entry needs. */
export interface EntryDesk {
  cluster: Cluster;
  clock: Clock;
  source: RevisionReader;
  entry: ResolvedEntry;
  set: ApplySetId;
  agent: string;
  version: string;
  /** The commit of the configuration that the entry is from. */
  configuration: string;
  /** PATH, for kustomize. */
  env: NodeJS.ProcessEnv;
  log: Log;
  metrics: Metrics;
  /** Aborted when everything has to end at once. */
  signal: AbortSignal;
}

/** One pass: a commit, and why. */
export interface PassOptions {
  commit: string;
  /** Full name of the branch or tag that led to it. */
  ref?: string;
  trigger: string;
  /** The wish for a pass that this one answers. */
  requestedAt?: string;
  /** Somebody's word that this commit may delete whatever it leaves out. */
  pruneAll: boolean;
  /** Aborted when no further object may be begun. */
  stop: AbortSignal;
  onProgress: () => void;
}

/** How a pass ended. */
export interface PassResult {
  isSynced: boolean;
  /** A newer revision ended it between two objects. */
  isInterrupted?: boolean;
  /** Nothing was to be written, and all could be told. */
  isDryRun?: boolean;
  /** Whether trying again may help without anything else changing. */
  mayPass: boolean;
  /** A stable word: Succeeded, ApplyFailed, … */
  reason: string;
  message: string;
  /** What was applied, to be watched; absent where nothing was. */
  objects?: readonly SyncedObject[];
  /** What was deleted. */
  pruned?: readonly ObjectId[];
  /** How many objects were written or deleted. */
  written?: number;
}

// What a person has to mend, or what only another commit changes.
const LASTING = new Set<SourceFailure['code']>([
  'CommitMissing',
  'TooLarge',
  'UrlInvalid',
  'Refused',
  'NotGit',
  'Moved',
]);

const INTERRUPTED: PassResult = {
  isSynced: false,
  isInterrupted: true,
  mayPass: true,
  reason: 'Interrupted',
  message: 'a newer revision is there',
};

/** Carries out one pass and records it in the parent. Rejects when the signal of the desk ends. */
export async function runPass(desk: EntryDesk, pass: PassOptions): Promise<PassResult> {
  const { source, entry, set, cluster, clock, env, log, metrics, signal, version } = desk;
  const { commit, stop, pruneAll, onProgress } = pass;
  const startedAt = now(clock);
  const end = metrics.fetchSeconds.startTimer();
  let fetched: Awaited<ReturnType<RevisionReader['fetch']>>;
  try {
    fetched = await source.fetch(commit, stop);
  } catch (error) {
    if (stop.aborted) return INTERRUPTED;
    throw error;
  }
  end();
  metrics.fetches.inc({ kind: 'fetch', result: fetched.ok ? 'ok' : fetched.failure.code });
  onProgress();
  if (!fetched.ok)
    return broken(desk, pass, [fetched.failure], startedAt, !LASTING.has(fetched.failure.code));
  log.info('Synchronizing objects', { commit, trigger: pass.trigger });
  try {
    const result = await syncRevision(cluster, {
      entry,
      set,
      record: recordOptions(desk, pass),
      open: async () => {
        const opened = await source.open(commit, signal);
        if (!opened.ok) throw new SourceError(opened.failure);
        return opened.tree;
      },
      version,
      pruneAll,
      clock,
      stop,
      signal,
      env,
      onNotice: (text) => log.info(text, { commit }),
      onProgress,
    });
    if (!result.ok) return await broken(desk, pass, result.problems, startedAt, false);
    if (result.planned) return planned(desk, pass, result.planned);
    return applied(desk, pass, result.record, result.objects);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SourceError) return broken(desk, pass, [error.failure], startedAt, true);
    if (error instanceof ProblemError) return broken(desk, pass, problemsOf(error), startedAt, true);
    // A mistake of ours that this revision brings to light must not end the other entries.
    log.error('Unexpected', { commit, error: error instanceof Error ? error.stack : String(error) });
    const message = `unexpected: ${error instanceof Error ? error.message : String(error)}`;
    return broken(desk, pass, [{ code: 'InternalError', message }], startedAt, true);
  }
}

/** Records that there is nothing that could be applied. */
export async function recordBroken(
  desk: EntryDesk,
  pass: Pick<PassOptions, 'trigger' | 'requestedAt'> & { commit?: string },
  problems: readonly [Problem, ...Problem[]],
  startedAt = now(desk.clock),
): Promise<void> {
  const { cluster, set, version, log, clock } = desk;
  const recording: RecordDesk = {
    cluster,
    discovery: await cluster.discover(),
    version,
    record: recordOptions(desk, pass),
    onNotice: (text) => log.warn(text),
  };
  const [first, ...more] = problems.map(failureOf) as [RecordedFailure, ...RecordedFailure[]];
  await recordFailure(recording, set, [first, ...more], { startedAt, finishedAt: now(clock) });
}

class SourceError extends Error {
  readonly failure: SourceFailure;

  constructor(failure: SourceFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

async function broken(
  desk: EntryDesk,
  pass: PassOptions,
  problems: readonly [Problem, ...Problem[]],
  startedAt: string,
  mayPass: boolean,
): Promise<PassResult> {
  const { log } = desk;
  for (const problem of problems)
    log.error('GitOps: failed to get objects to synchronize', {
      commit: pass.commit,
      error: `${place(problem)}${problem.message}`,
      ...(problem.hint && { hint: problem.hint }),
    });
  try {
    await recordBroken(desk, pass, problems, startedAt);
  } catch (error) {
    desk.signal.throwIfAborted();
    // The cluster does not take it either; what is wrong is in the log, and in GitLab.
    log.warn('What is wrong could not be recorded', { error: headline(problemsOf(error)) });
  }
  return { isSynced: false, mayPass, reason: problems[0].code, message: headline(problems) };
}

/** A dry run: all that it may become is told, and nothing is synced. */
function planned({ log }: EntryDesk, { commit }: PassOptions, changes: readonly Change[]): PassResult {
  const counts = Map.groupBy(changes, ({ action }) => action);
  const told = [...counts].map(([action, { length }]) => `${length} ${action}`).join(', ');
  const unknown = counts.get('unknown')?.[0];
  for (const { id, action, reason, message } of changes)
    if (action !== 'unchanged' && action !== 'skip')
      log.info('Dry run', {
        commit,
        object: formatObject(id),
        action,
        ...(reason !== undefined && { reason }),
        ...(message !== undefined && { error: message }),
      });
  const message = `dry run, nothing was written: ${told}`;
  return {
    isSynced: false,
    isDryRun: unknown === undefined,
    mayPass: unknown !== undefined,
    reason: 'DryRun',
    message,
  };
}

function applied(
  { log }: EntryDesk,
  { commit }: PassOptions,
  { outcomes }: ApplyRecord,
  objects: readonly SyncedObject[],
): PassResult {
  const wrong = outcomes.filter((outcome) => outcome.result === 'failed' || isHeldBack(outcome));
  for (const outcome of wrong) {
    // The last line counts these.
    if (isCounted(outcome)) continue;
    const { change, error } = outcome;
    const source = change.source && `${change.source.file}:${change.source.line}`;
    log.error('Object not applied', {
      commit,
      object: formatObject(change.id),
      error: `${error!.reason}: ${error!.message}`,
      ...(source && { source }),
      ...(error!.hint && { hint: error!.hint }),
    });
  }
  const written = outcomes.filter(({ result }) => result === 'applied' || result === 'pruned').length;
  const { state, reason, message } = verdictOf(outcomes);
  const isSynced = state === 'Synced';
  if (isSynced) log.info('Objects synchronized', { commit, written, objects: outcomes.length });
  else {
    const hint = wrong.flatMap(({ error }) => error?.hint ?? [])[0];
    log.warn('Synchronization failed', { commit, reason, error: message, ...(hint && { hint }) });
  }
  const isInterrupted = reason === 'Interrupted';
  const pruned = outcomes.flatMap(({ result, change: { id } }) => (result === 'pruned' ? [id] : []));
  return { isSynced, isInterrupted, mayPass: true, reason, message, objects, pruned, written };
}

function recordOptions(
  { entry, agent, version, configuration }: EntryDesk,
  { commit, ref, trigger, requestedAt }: Partial<PassOptions> & { trigger: string },
): RecordOptions {
  const { project, url } = entry.repository;
  return {
    facts: {
      source: {
        url,
        ...(project !== undefined && { project }),
        ...(ref !== undefined && { ref }),
        by: `agent ${agent}`,
        tool: `gitlab-agent/v${version}`,
      },
      ...(commit !== undefined && { revision: commit }),
      configuration,
      trigger,
      ...(requestedAt !== undefined && { requestedAt }),
    },
    marks: {
      labels: { [AGENT_LABEL]: agent, [ENTRY_LABEL]: entry.name },
      annotations: project === undefined ? {} : { [PROJECT_ANNOTATION]: project },
    },
    entry: stringifyJson(entry, 2),
  };
}

function failureOf({ code, message, hint, object, ...place }: Problem): RecordedFailure {
  const source = oneLine(placeOf(place));
  return {
    ...(object && { object: formatObject(object) }),
    reason: code,
    message: hint ? `${message}; hint: ${hint}` : message,
    ...(source && { source }),
  };
}

function now(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
