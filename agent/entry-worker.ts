import type { SetStatus } from '../core/model/record.ts';
import type { SourceFailure } from '../core/model/source.ts';
import { problemsOf } from '../core/sync.ts';
import type { ResolvedEntry } from './configuration.ts';
import { allowsPruning, type ParentWishes } from './entry-parent.ts';
import { type EntryDesk, type PassResult, recordBroken, runPass } from './entry-pass.ts';
import type { HealthReport, HealthTracker } from './health-tracker.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { RepositoryWatch, Seen } from './repository-watch.ts';
import type { StatusReporter, StatusTarget } from './status-reporter.ts';
import { Alarm, Backoff } from './time.ts';
import { headline } from './words.ts';

/** What began a pass. */
export type Trigger = 'poll' | 'sync' | 'interval' | 'drift' | 'retry';

export interface WorkerOptions {
  entry: ResolvedEntry;
  repository: RepositoryWatch;
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

const RETRY = { first: 5_000, longest: 300_000 };
/** A repair that somebody undoes at once is not repeated at once. */
const DRIFT = { first: 1_000, longest: 300_000 };

/**
 * Keeps one entry in step with its revision, until the signal ends. Level-triggered: whatever happened, the newest
 * revision and the newest wishes count, and a newer revision ends what is under way between two objects.
 */
export class EntryWorker {
  readonly #options: WorkerOptions;
  readonly #alarm = new Alarm();
  readonly #retry: Backoff;
  readonly #contest: Backoff;
  #seen: Seen | undefined;
  #wishes: ParentWishes = {};
  /** Of the parent as it was found: what was said before this process began. */
  #before: SetStatus | undefined;
  /** The commit that was begun last, and whether it came to its end without failures. */
  #begun: string | undefined;
  #isSettled = false;
  #handledRequest: string | undefined;
  #underWay: { commit: string; newer: AbortController } | undefined;
  #retryAt = 0;
  #repairAt = Number.POSITIVE_INFINITY;
  #repairedAt = 0;
  #intervalAt = 0;
  #reportedFailure: string | undefined;
  #reportedDependencies = '';
  /** When it last got on with something: for the liveness probe. */
  beatAt = Date.now();
  isReady = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#retry = new Backoff(RETRY.first, RETRY.longest, options.random);
    this.#contest = new Backoff(DRIFT.first, DRIFT.longest, options.random);
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
    const asked = wishes.syncRequestedAt !== this.#wishes.syncRequestedAt;
    this.#wishes = wishes;
    // A person who asks for a pass means: with what is in the repository now.
    if (asked && wishes.syncRequestedAt !== this.#handledRequest) this.#options.repository.poke();
    this.#alarm.ring();
  }

  /** An entry that this one waits for may be ready now. */
  dependencyChanged(): void {
    if (this.#options.entry.dependsOn.length > 0) this.#alarm.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { entry, repository, tracker, log } = this.#options;
    log.info('Starting worker');
    const stopFollowing = repository.follow(entry.ref, (seen) => this.#see(seen));
    const stopTracking = tracker.listen({
      onHealth: (report) => this.#onHealth(report),
      onDrift: (objects, managers) => this.#onDrift(objects, managers),
    });
    try {
      while (!signal.aborted) {
        const trigger = this.#due();
        if (trigger) await this.#pass(trigger, signal);
        else await this.#alarm.wait(this.#untilNext(), signal);
      }
    } finally {
      stopFollowing();
      await stopTracking();
      this.#setReady(false);
      log.info('Stopped worker');
    }
  }

  #see(seen: Seen): void {
    const { log } = this.#options;
    this.#seen = seen;
    if (!seen.ok)
      log.error('GitOps: repository poll failed', { error: seen.failure.message, hint: seen.failure.hint });
    else if (seen.commit !== this.#begun) {
      log.info('GitOps: new commit', { commit: seen.commit });
      this.#retry.reset();
      this.#retryAt = 0;
      this.#setReady(false);
      const target = this.#target(seen.commit, seen.ref);
      // After a restart the commit may have been reported before.
      if (target && this.#before?.observed?.revision !== seen.commit) this.#options.reporter?.begin(target);
      if (target) this.#options.reporter?.report(target, 'pending', 'waits for its turn');
    }
    const { commit, newer } = this.#underWay ?? {};
    if (newer && seen.ok && seen.commit !== commit) newer.abort(new Error('a newer revision is there'));
    this.#alarm.ring();
  }

  /** Why a pass is due now, if one is. */
  #due(): Trigger | undefined {
    const now = Date.now();
    const { entry } = this.#options;
    const seen = this.#seen;
    if (!seen || entry.suspend || this.#wishes.suspended !== undefined) return undefined;
    if (!seen.ok) {
      const said = `${seen.failure.code} ${seen.failure.message}`;
      return this.#reportedFailure === said ? undefined : 'poll';
    }
    if (this.#isBlocked()) return undefined;
    const { syncRequestedAt } = this.#wishes;
    if (syncRequestedAt !== undefined && syncRequestedAt !== this.#handledRequest) return 'sync';
    if (seen.commit !== this.#begun) return 'poll';
    if (!this.#isSettled && now >= this.#retryAt) return 'retry';
    if (now >= this.#repairAt) return 'drift';
    return now >= this.#intervalAt ? 'interval' : undefined;
  }

  #untilNext(): number {
    const retryAt = this.#isSettled ? Number.POSITIVE_INFINITY : this.#retryAt;
    const next =
      this.#begun === undefined
        ? Number.POSITIVE_INFINITY
        : Math.min(retryAt, this.#repairAt, this.#intervalAt);
    return Math.max(0, next - Date.now());
  }

  #isBlocked(): boolean {
    const { log, missingDependencies, reporter } = this.#options;
    const missing = missingDependencies();
    const said = missing.join(', ');
    if (said !== this.#reportedDependencies) {
      this.#reportedDependencies = said;
      if (said !== '') {
        log.info('Waiting for other entries', { entries: missing });
        const target = this.#seen?.ok ? this.#target(this.#seen.commit, this.#seen.ref) : undefined;
        if (target) reporter?.report(target, 'pending', `waits for ${said}`);
      }
    }
    return said !== '';
  }

  async #pass(trigger: Trigger, signal: AbortSignal): Promise<void> {
    const { desk, tracker, turn, metrics, log } = this.#options;
    const seen = this.#seen!;
    const requestedAt = this.#wishes.syncRequestedAt;
    this.beatAt = Date.now();
    if (!seen.ok) {
      this.#reportedFailure = `${seen.failure.code} ${seen.failure.message}`;
      await this.#recordUnseen(seen.failure);
      return;
    }
    this.#reportedFailure = undefined;
    const { commit, ref } = seen;
    const newer = new AbortController();
    const release = await turn(signal);
    this.#underWay = { commit, newer };
    const isNews = commit !== this.#begun;
    if (isNews && this.#begun !== undefined) this.#supersede(this.#begun, commit);
    const target = this.#target(commit, ref);
    if (target) this.#options.reporter?.report(target, 'running', 'being applied');
    this.#begun = commit;
    this.#repairAt = Number.POSITIVE_INFINITY;
    const startedAt = Date.now();
    try {
      const result = await runPass(desk, {
        commit,
        ...(ref !== undefined && { ref }),
        trigger,
        ...(requestedAt !== undefined && { requestedAt }),
        pruneAll: allowsPruning(this.#wishes, commit),
        stop: AbortSignal.any([signal, newer.signal]),
        onProgress: () => {
          this.beatAt = Date.now();
        },
      });
      this.#handledRequest = requestedAt;
      const name = this.#options.entry.name;
      metrics.syncs.inc({ entry: name, result: result.reason });
      metrics.syncSeconds.observe({ entry: name }, (Date.now() - startedAt) / 1000);
      metrics.synced.set({ entry: name }, result.isSynced ? 1 : 0);
      if (result.objects) tracker.track(commit, result.objects, result.isSynced);
      this.#conclude(result, trigger, target);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      release();
      this.#underWay = undefined;
      if (signal.aborted) log.info('Synchronization was canceled', { commit });
    }
  }

  /** The repository can't be read: what runs goes on, and people are told. */
  async #recordUnseen(failure: SourceFailure): Promise<void> {
    const { desk, log } = this.#options;
    try {
      await recordBroken(desk, { trigger: 'poll' }, [failure]);
    } catch (error) {
      desk.signal.throwIfAborted();
      log.warn('What is wrong could not be recorded', { error: headline(problemsOf(error)) });
    }
  }

  #conclude(result: PassResult, trigger: Trigger, target: StatusTarget | undefined): void {
    const { entry, random, metrics, log, reporter } = this.#options;
    const now = Date.now();
    this.#intervalAt = now + entry.intervalMs * (0.95 + random() / 10);
    this.#isSettled = result.isSynced || !result.mayPass;
    if (result.isInterrupted) {
      this.#isSettled = false;
      this.#retryAt = 0;
      return;
    }
    if (result.isSynced) this.#retry.reset();
    else this.#retryAt = now + this.#retry.next();
    if (trigger === 'drift' || trigger === 'interval') {
      const repaired = result.written ?? 0;
      if (repaired > 0) {
        metrics.drift.inc({ entry: entry.name }, repaired);
        this.#repairedAt = now;
        log.info('Drift repaired', { objects: repaired });
      }
    }
    if (!result.isSynced) {
      this.#setReady(false);
      if (target) reporter?.report(target, 'failed', result.message);
    }
  }

  #onHealth(report: HealthReport): void {
    const { reporter } = this.#options;
    if (report.commit !== this.#begun || this.#underWay) return;
    const target = this.#target(report.commit, this.#seen?.ok ? this.#seen.ref : undefined);
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
    const now = Date.now();
    // Who undoes a repair within a minute will do so again.
    if (now - this.#repairedAt > 60_000) this.#contest.reset();
    const wait = this.#contest.next();
    if (wait > 8_000)
      log.warn('Drift comes back: somebody else writes these objects, too', { objects, managers });
    this.#repairAt = Math.min(this.#repairAt, now + wait / 2);
    this.#alarm.ring();
  }

  #supersede(old: string, by: string): void {
    const target = this.#target(old, this.#seen?.ok ? this.#seen.ref : undefined);
    if (target) this.#options.reporter?.supersede(target, by);
  }

  /** Where a commit is reported; undefined for repositories outside this GitLab. */
  #target(commit: string, ref: string | undefined): StatusTarget | undefined {
    const { entry, statusName } = this.#options;
    const { project } = entry.repository;
    if (project === undefined) return undefined;
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
