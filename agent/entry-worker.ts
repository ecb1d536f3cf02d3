import { allowsPruning } from '../core/apply/agent-parent.ts';
import { isExcluded } from '../core/config/resource-filter.ts';
import type { Log } from '../core/daemon/log.ts';
import { Alarm } from '../core/daemon/time.ts';
import type { FollowedRevision, Seen } from '../core/follow/followed-revision.ts';
import type { ParentWishes } from '../core/model/agent-status.ts';
import type { ObjectId } from '../core/model/object.ts';
import type { SetStatus } from '../core/model/record.ts';
import type { SourceFailure } from '../core/model/source.ts';
import { problemsOf } from '../core/sync.ts';
import type { ResolvedEntry } from './configuration.ts';
import { type EntryDesk, type PassResult, recordBroken, runPass } from './entry-pass.ts';
import type { HealthReport, HealthTracker } from './health-tracker.ts';
import { untilGone } from './leaving.ts';
import type { Metrics } from './metrics.ts';
import { Schedule, type Trigger } from './schedule.ts';
import type { StatusReporter, StatusTarget } from './status-reporter.ts';
import { headline } from './words.ts';

export interface WorkerOptions {
  entry: ResolvedEntry;
  revision: FollowedRevision;
  desk: EntryDesk;
  tracker: HealthTracker;
  /** Absent where nothing is reported to GitLab. */
  reporter?: StatusReporter;
  /** The name of the commit status, as things are now. */
  statusName: () => string;
  /** Names of those of `dependsOn` that are not synced and healthy yet. */
  missingDependencies: () => string[];
  /** Told when the entry becomes synced and healthy, and when it no longer is. */
  onReady: () => void;
  /** Takes a turn at what is heavy; how to give it back. */
  turn: (signal: AbortSignal) => Promise<() => void>;
  random: () => number;
  log: Log;
  metrics: Metrics;
}

/**
 * Keeps one entry in step with its revision, until the signal ends. Level-triggered: whatever happened, the newest
 * revision and the newest wishes count, and a newer revision ends what is under way between two objects.
 */
export class EntryWorker {
  readonly #options: WorkerOptions;
  readonly #alarm = new Alarm();
  readonly #schedule: Schedule;
  /** The revision that was seen last, and why it could not be asked for since. */
  #seen: (Seen & { ok: true }) | undefined;
  #failure: SourceFailure | undefined;
  #wishes: ParentWishes = {};
  /** Of the parent as it was found: what was said before this process began. */
  #before: SetStatus | undefined;
  /** The commit that was begun last. */
  #begun: string | undefined;
  #isSynced = false;
  #isQueued = false;
  /** What passes have deleted, also those that failed, and may still be there; and the wait for its end. */
  #deleted: readonly ObjectId[] = [];
  #leaving: AbortController | undefined;
  #handledRequest: string | undefined;
  /** The wish for a pass since which the repository has been looked at. */
  #lookedFor: string | undefined;
  #underWay: { commit: string; newer: AbortController } | undefined;
  #reportedFailure: string | undefined;
  #reportedDependencies = '';
  /** When it last got on with something: for the liveness probe. */
  beatAt = Date.now();
  isReady = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#schedule = new Schedule(options.entry.intervalMs, options.random);
  }

  /** Whether a pass is due that can't be begun yet. */
  get isWaiting(): boolean {
    if (this.#underWay) return false;
    return (
      this.#isQueued ||
      this.#reportedDependencies !== '' ||
      (this.#begun !== undefined && !this.#schedule.isSettled)
    );
  }

  /** Whether a pass is under way. */
  get isBusy(): boolean {
    return this.#underWay !== undefined;
  }

  /** What people wish, from the parent's annotations, and what it said when it was found first. */
  wish(wishes: ParentWishes, status: SetStatus | undefined): void {
    if (this.#begun === undefined && !this.#before && status) {
      this.#before = status;
      this.#handledRequest = status.requestedAt;
    }
    const { syncRequestedAt } = wishes;
    const asked =
      syncRequestedAt !== this.#wishes.syncRequestedAt && syncRequestedAt !== this.#handledRequest;
    this.#wishes = wishes;
    this.#alarm.ring();
    if (!asked || syncRequestedAt === undefined) return;
    // A person who asks for a pass means: with what is in the repository now.
    void this.#options.revision.look().then(() => {
      this.#lookedFor = syncRequestedAt;
      this.#alarm.ring();
    });
  }

  /** The parent was deleted: nothing is wished any more, and a pass makes it anew. */
  parentGone(): void {
    this.#wishes = {};
    this.#again();
  }

  /** An entry that this one waits for may be ready now. */
  dependencyChanged(): void {
    if (this.#options.entry.dependsOn.length > 0) this.#alarm.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { entry, revision, tracker, log, metrics } = this.#options;
    log.info('Starting worker');
    const stopFollowing = revision.follow((seen) => this.#see(seen));
    const stopTracking = tracker.listen({
      onHealth: (report) => this.#onHealth(report),
      onDrift: (objects, managers) => this.#onDrift(objects, managers),
    });
    try {
      while (!signal.aborted) {
        const due = this.#due();
        if (typeof due === 'string') await this.#pass(signal);
        else await this.#alarm.wait(due, signal);
      }
    } finally {
      stopFollowing();
      this.#leaving?.abort();
      await stopTracking();
      this.#setReady(false);
      for (const gauge of [metrics.objects, metrics.synced]) await forgetEntry(gauge, entry.name);
      log.info('Stopped worker');
    }
  }

  #see(seen: Seen): void {
    const { log } = this.#options;
    this.#alarm.ring();
    if (!seen.ok) {
      this.#failure = seen.failure;
      log.error('GitOps: repository poll failed', { error: seen.failure.message, hint: seen.failure.hint });
      return;
    }
    const before = this.#seen;
    this.#seen = seen;
    this.#failure = undefined;
    // What was said of the repository is true no longer.
    if (this.#reportedFailure !== undefined) this.#again();
    this.#reportedFailure = undefined;
    if (seen.commit === before?.commit) return;
    this.#supersede(before, seen.commit);
    log.info('GitOps: new commit', { commit: seen.commit });
    this.#schedule.renew();
    this.#setReady(false);
    const { commit, newer } = this.#underWay ?? {};
    if (seen.commit !== commit) newer?.abort(new Error('a newer revision is there'));
    const target = this.#target(seen);
    if (!target) return;
    // After a restart the commit may have been reported before.
    if (before || this.#before?.observed?.revision !== seen.commit) this.#options.reporter?.begin(target);
    this.#options.reporter?.report(target, 'pending', 'waits for its turn');
  }

  /** Whatever came of the last pass: it takes another one. */
  #again(): void {
    this.#schedule.again();
    this.#alarm.ring();
  }

  /** Why a pass is due now, or in how many ms one may be, unless something happens before. */
  #due(): Trigger | number {
    const { entry } = this.#options;
    const seen = this.#seen;
    if (entry.suspend || this.#wishes.suspended !== undefined) return Number.POSITIVE_INFINITY;
    if (this.#untoldFailure) return 'poll';
    if (!seen || this.#isBlocked()) return Number.POSITIVE_INFINITY;
    // What is in the repository now is found out first.
    if (this.#isAsked()) return this.#isLookedAt() ? 'sync' : Number.POSITIVE_INFINITY;
    if (seen.commit !== this.#begun) return 'poll';
    return this.#schedule.due(Date.now(), { isReadable: this.#failure === undefined });
  }

  #isAsked(): boolean {
    const { syncRequestedAt } = this.#wishes;
    return syncRequestedAt !== undefined && syncRequestedAt !== this.#handledRequest;
  }

  #isLookedAt(): boolean {
    return this.#wishes.syncRequestedAt === this.#lookedFor;
  }

  #isBlocked(): boolean {
    const { log, missingDependencies, reporter } = this.#options;
    const missing = missingDependencies();
    const said = missing.join(', ');
    if (said !== this.#reportedDependencies) {
      this.#reportedDependencies = said;
      if (said !== '') {
        log.info('Waiting for other entries', { entries: missing });
        const target = this.#target(this.#seen);
        if (target) reporter?.report(target, 'pending', `waits for ${said}`);
      }
    }
    return said !== '';
  }

  get #untoldFailure(): SourceFailure | undefined {
    const isTold = this.#failure && this.#reportedFailure === saidOf(this.#failure);
    return isTold ? undefined : this.#failure;
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { turn, log } = this.#options;
    this.beatAt = Date.now();
    if (this.#untoldFailure) {
      await this.#recordUnseen(this.#untoldFailure);
      return;
    }
    this.#isQueued = true;
    const release = await turn(signal);
    this.#isQueued = false;
    // While others had their turn it may have been suspended, or a newer revision came.
    const trigger = this.#due();
    if (typeof trigger !== 'string' || this.#untoldFailure) {
      release();
      return;
    }
    const seen = this.#seen!;
    const newer = new AbortController();
    this.#underWay = { commit: seen.commit, newer };
    try {
      if (!signal.aborted) await this.#carryOut(trigger, seen, AbortSignal.any([signal, newer.signal]));
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      release();
      this.#underWay = undefined;
      if (signal.aborted) log.info('Synchronization was canceled', { commit: seen.commit });
    }
    if (!signal.aborted) this.#options.tracker.passEnds();
  }

  async #carryOut(trigger: Trigger, seen: Seen & { ok: true }, stop: AbortSignal): Promise<void> {
    const { desk, tracker, metrics, entry, reporter } = this.#options;
    const { commit, ref } = seen;
    const requestedAt = this.#wishes.syncRequestedAt;
    const target = this.#target(seen);
    if (target) reporter?.report(target, 'running', 'being applied');
    this.#begun = commit;
    this.#schedule.begin();
    tracker.passBegins();
    this.#leaving?.abort();
    const startedAt = Date.now();
    const result = await runPass(desk, {
      commit,
      ...(ref !== undefined && { ref }),
      trigger,
      ...(requestedAt !== undefined && { requestedAt }),
      pruneAll: allowsPruning(this.#wishes, commit),
      stop,
      onProgress: () => {
        this.beatAt = Date.now();
      },
    });
    if (!result.isInterrupted) this.#handledRequest = requestedAt;
    // It told that all is as wanted: that the repository can't be read has to be told again.
    this.#reportedFailure = undefined;
    const { name } = entry;
    metrics.syncs.inc({ entry: name, result: result.reason });
    metrics.syncSeconds.observe({ entry: name }, (Date.now() - startedAt) / 1000);
    metrics.synced.set({ entry: name }, result.isSynced ? 1 : 0);
    if (result.objects)
      tracker.track(
        commit,
        result.objects.filter(({ id }) => !isExcluded(entry, id)),
        result.isSynced,
      );
    this.#deleted = [...this.#deleted, ...(result.pruned ?? [])];
    this.#conclude(result, trigger, target);
    if (result.isSynced && this.#deleted.length > 0) this.#waitForDeleted(target);
  }

  /** The commit is not there before what left it is gone. */
  #waitForDeleted(target: StatusTarget | undefined): void {
    const { desk, entry, reporter, tracker, log } = this.#options;
    this.#leaving = new AbortController();
    const signal = AbortSignal.any([desk.signal, this.#leaving.signal]);
    const commit = this.#begun;
    const forget = (): void => {
      this.#deleted = [];
      this.#leaving = undefined;
      if (!this.#underWay) tracker.tellAgain();
    };
    untilGone(desk.cluster, this.#deleted, { timeout: entry.pruneTimeoutMs, signal })
      .then((sentence) => {
        if (signal.aborted) return;
        if (sentence === undefined) return forget();
        log.error('Objects are not gone', { ...(commit !== undefined && { commit }), error: sentence });
        if (target && this.#isNewest(target.commit)) reporter?.report(target, 'failed', sentence);
      })
      .catch((error: unknown) => {
        if (signal.aborted) return;
        // It can't be told: nothing speaks against it any more.
        log.warn('Deleted objects could not be looked at', { error: String(error) });
        forget();
      });
  }

  /** The repository can't be read: what runs goes on, and people are told. */
  async #recordUnseen(failure: SourceFailure): Promise<void> {
    const { desk, log } = this.#options;
    this.#reportedFailure = saidOf(failure);
    const requestedAt = this.#isAsked() ? this.#wishes.syncRequestedAt : undefined;
    const commit = this.#seen?.commit ?? this.#before?.observed?.revision;
    try {
      await recordBroken(
        desk,
        {
          trigger: 'poll',
          ...(commit !== undefined && { commit }),
          ...(requestedAt !== undefined && { requestedAt }),
        },
        [failure],
      );
      if (requestedAt !== undefined) this.#handledRequest = requestedAt;
    } catch (error) {
      desk.signal.throwIfAborted();
      log.warn('What is wrong could not be recorded', { error: headline(problemsOf(error)) });
    }
  }

  #conclude(result: PassResult, trigger: Trigger, target: StatusTarget | undefined): void {
    const { entry, metrics, log, reporter } = this.#options;
    const now = Date.now();
    this.#schedule.end(result, now);
    this.#isSynced = result.isSynced;
    if (result.isInterrupted) return;
    if (trigger === 'drift' || trigger === 'interval') {
      const repaired = result.written ?? 0;
      if (repaired > 0) {
        metrics.drift.inc({ entry: entry.name }, repaired);
        this.#schedule.repaired(now);
        log.info('Drift repaired', { objects: repaired });
      }
    }
    if (!result.isSynced) {
      this.#setReady(false);
      const state = result.isDryRun ? 'canceled' : 'failed';
      if (target && this.#isNewest(target.commit)) reporter?.report(target, state, result.message);
    }
  }

  /** Of what was superseded nothing more is said. */
  #isNewest(commit: string): boolean {
    return commit === this.#seen?.commit;
  }

  #onHealth(report: HealthReport): void {
    const { reporter } = this.#options;
    if (report.commit !== this.#begun || this.#underWay || !this.#isNewest(report.commit)) return;
    const target = this.#target(this.#seen);
    if (report.state === 'healthy' && (!this.#isSynced || this.#leaving)) return;
    if (report.state === 'healthy') {
      this.#setReady(true);
      if (target) reporter?.report(target, 'success', report.message);
    } else if (report.state === 'failed') {
      this.#setReady(false);
      if (target) reporter?.report(target, 'failed', report.message);
    } else this.#setReady(false);
  }

  #onDrift(objects: readonly string[], managers: readonly string[]): void {
    const { log } = this.#options;
    log.info('Drift', { objects, ...(managers.length > 0 && { managers }) });
    if (this.#schedule.drifted(Date.now()))
      log.warn('Drift comes back: somebody else writes these objects, too', { objects, managers });
    this.#alarm.ring();
  }

  /** The commit before is not finished any more; after a restart that is what the parent tells. */
  #supersede(before: (Seen & { ok: true }) | undefined, by: string): void {
    const { reporter } = this.#options;
    const revision = before?.commit ?? this.#before?.observed?.revision;
    const target =
      revision !== undefined && revision !== by ? this.#target({ ...before, commit: revision }) : undefined;
    if (!target) return;
    if (before) reporter?.supersede(target, by);
    else void reporter?.supersedeSince(target, by);
  }

  /** Where a commit is reported; undefined for repositories outside this GitLab. */
  #target(seen: { commit: string; ref?: string } | undefined): StatusTarget | undefined {
    const { entry, statusName } = this.#options;
    const { project } = entry.repository;
    if (project === undefined || !seen) return undefined;
    const { commit, ref } = seen;
    return {
      project,
      commit,
      name: statusName(),
      ...(ref !== undefined && { ref }),
      ...(entry.environment !== undefined && { environment: entry.environment }),
    };
  }

  #setReady(ready: boolean): void {
    if (this.isReady === ready) return;
    this.isReady = ready;
    this.#options.onReady();
  }
}

function saidOf({ code, message }: SourceFailure): string {
  return `${code} ${message}`;
}

/** What is gone is not told any more. */
async function forgetEntry(gauge: Metrics['objects'] | Metrics['synced'], name: string): Promise<void> {
  const { values } = await gauge.get();
  for (const { labels } of values) if (labels.entry === name) gauge.remove(labels as never);
}
