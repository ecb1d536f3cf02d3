import type { Log } from '../core/daemon/log.ts';
import { Alarm, pause } from '../core/daemon/time.ts';
import type { Awaited } from '../core/health/awaited.ts';
import { FIELD_MANAGER } from '../core/model/cluster.ts';
import { HEALTH_STATUSES, type ObjectHealth } from '../core/model/health.ts';
import {
  formatObject,
  isOlderVersion,
  type KubeObject,
  managedFieldsOf,
  type ObjectId,
  objectKey,
} from '../core/model/object.ts';
import { fingerprint, problemsOf, type SyncedObject } from '../core/sync.ts';
import type { HealthHub, HealthListener } from './health-hub.ts';
import { headline } from './words.ts';

/** How the objects of a commit are, as far as that is settled. */
export interface HealthReport {
  commit: string;
  state: 'waiting' | 'healthy' | 'failed';
  message: string;
}

export interface TrackerHandlers {
  onHealth: (report: HealthReport) => void;
  /** Objects that somebody else changed, or deleted, since they were applied; and who. */
  onDrift: (objects: readonly string[], managers: readonly string[]) => void;
}

export interface TrackerOptions {
  hub: HealthHub;
  /** How long objects may take to become healthy, in ms; null is for ever. */
  timeout: number | null;
  /** Writes how the objects of a commit are into the parent of the set. Rejects with ProblemError. */
  record: (commit: string, judged: readonly ObjectHealth[]) => Promise<void>;
  /** Told whenever it is known how many are how. */
  onCounts: (counts: ReadonlyMap<string, number>) => void;
  log: Log;
  signal: AbortSignal;
}

/** A failure has to last as long before it counts, in ms: its neighbours fail a moment later. */
const SETTLE = 1_500;
/** The parent is written no more often than that, in ms. */
const RECORD_EVERY = 1_000;
/** What could not be recorded is tried again after as long, in ms. */
const TRY_AGAIN = 10_000;

interface Tracked {
  id: ObjectId;
  /** What our apply left. */
  baseline: string;
  /** What is older says nothing. */
  resourceVersion: string;
  drifted: boolean;
  /** As it was seen while a pass was under way: what is drift shows when the pass has ended. */
  seen?: KubeObject | 'gone' | undefined;
}

/**
 * Watches the objects of one entry once they are applied: when all of them are healthy, when it makes no sense to wait
 * on, and when somebody else changes what was applied.
 */
export class HealthTracker implements HealthListener {
  readonly #options: TrackerOptions;
  #handlers: TrackerHandlers | undefined;
  #commit = '';
  #isSynced = false;
  #tracked = new Map<string, Tracked>();
  #since = 0;
  #failingSince: number | undefined;
  #state: HealthReport['state'] = 'waiting';
  #message = '';
  #isPassing = false;
  /** What the parent says by now. */
  #recorded: string | undefined;
  readonly #dirty = new Alarm();

  constructor(options: TrackerOptions) {
    this.#options = options;
  }

  /** Listens until the function that it returns is called; the parent is kept up to date meanwhile. */
  listen(handlers: TrackerHandlers): () => Promise<void> {
    this.#handlers = handlers;
    const ended = new AbortController();
    const signal = AbortSignal.any([ended.signal, this.#options.signal]);
    const recording = this.#keepRecord(signal);
    return async () => {
      ended.abort();
      this.#handlers = undefined;
      this.#options.hub.expect(this, []);
      await recording;
    };
  }

  /** A pass begins: what changes until its end may be its own doing. */
  passBegins(): void {
    this.#isPassing = true;
    for (const tracked of this.#tracked.values()) tracked.seen = undefined;
  }

  /** The pass has ended, and what it applied is tracked. What is known of the health is told again. */
  passEnds(): void {
    this.#isPassing = false;
    for (const tracked of this.#tracked.values()) {
      const { seen } = tracked;
      tracked.seen = undefined;
      if (seen) this.#compare(tracked, seen === 'gone' ? undefined : seen);
    }
    this.tellAgain();
  }

  /** What is known of the health. */
  tellAgain(): void {
    if (this.#tracked.size > 0)
      this.#handlers?.onHealth({ commit: this.#commit, state: this.#state, message: this.#message });
  }

  /** These objects were applied for a commit; not all that it wants where `isSynced` is false. */
  track(commit: string, objects: readonly SyncedObject[], isSynced: boolean): void {
    // A pass that wrote something took what was said of health out of the parent.
    this.#recorded = undefined;
    const isSame =
      commit === this.#commit &&
      isSynced === this.#isSynced &&
      objects.length === this.#tracked.size &&
      objects.every(({ id, fingerprint: now }) => this.#tracked.get(objectKey(id))?.baseline === now);
    // What the pass wrote into the parent may have left out how the objects are.
    this.#recorded = undefined;
    if (isSame) {
      for (const { id, resourceVersion } of objects)
        Object.assign(this.#tracked.get(objectKey(id))!, { resourceVersion, drifted: false });
      return;
    }
    this.#commit = commit;
    this.#isSynced = isSynced;
    this.#since = Date.now();
    this.#failingSince = undefined;
    this.#state = 'waiting';
    this.#message = '';
    this.#tracked = new Map(
      objects.map(({ id, fingerprint: baseline, resourceVersion }) => {
        const seen = this.#tracked.get(objectKey(id))?.seen;
        return [objectKey(id), { id, baseline, resourceVersion, drifted: false, seen }];
      }),
    );
    this.#options.hub.expect(this, objects satisfies readonly Awaited[]);
  }

  onSeen(id: ObjectId, object: KubeObject | undefined): void {
    const tracked = this.#tracked.get(objectKey(id));
    if (tracked && this.#isPassing) tracked.seen = object ?? 'gone';
    else if (tracked) this.#compare(tracked, object);
  }

  #compare(tracked: Tracked, object: KubeObject | undefined): void {
    const { id } = tracked;
    if (tracked.drifted) return;
    const { resourceVersion = '' } = tracked;
    // What is older than what was written says nothing of it.
    if (object && isOlderVersion(String(object.metadata.resourceVersion), resourceVersion)) return;
    const now = object && !object.metadata.deletionTimestamp ? fingerprint(object) : 'gone';
    if (now === tracked.baseline) return;
    tracked.drifted = true;
    this.#handlers?.onDrift([formatObject(id)], object ? [lastWriter(object)] : []);
  }

  onRound(unwell: readonly ObjectHealth[]): void {
    if (this.#tracked.size === 0) return;
    const said = unwell
      .map(({ id, health }) => `${objectKey(id)} ${health.status} ${health.reason} ${health.terminal ?? ''}`)
      .join('\n');
    if (said !== this.#recorded) {
      this.#recorded = said;
      this.#options.onCounts(this.#counts(unwell));
      this.#dirty.ring();
    }
    this.#conclude(unwell);
  }

  #conclude(unwell: readonly ObjectHealth[]): void {
    const now = Date.now();
    const { timeout } = this.#options;
    if (unwell.length === 0) {
      this.#failingSince = undefined;
      if (this.#isSynced) this.#enter('healthy', `${this.#tracked.size} objects are applied and healthy`);
      return;
    }
    if (!this.#isSynced) return;
    const failing = unwell.filter(({ health }) => health.terminal);
    this.#failingSince = failing.length > 0 ? (this.#failingSince ?? now) : undefined;
    if (this.#failingSince !== undefined && now - this.#failingSince >= SETTLE) {
      this.#enter('failed', sentence(failing));
      return;
    }
    if (timeout !== null && now - this.#since >= timeout) {
      this.#enter('failed', `not healthy after ${Math.round(timeout / 1000)} s: ${sentence(unwell)}`);
      return;
    }
    if (this.#state === 'healthy') this.#enter('waiting', sentence(unwell));
  }

  #enter(state: HealthReport['state'], message: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#message = message;
    const { log } = this.#options;
    const commit = this.#commit;
    if (state === 'healthy') log.info('Objects are healthy', { commit, objects: this.#tracked.size });
    else if (state === 'failed') log.error('Objects are not healthy', { commit, error: message });
    this.#handlers?.onHealth({ commit, state, message });
  }

  /** Of each word how many, also those of which there are none any more. */
  #counts(unwell: readonly ObjectHealth[]): Map<string, number> {
    const counts = new Map<string, number>(HEALTH_STATUSES.map((word) => [word, 0]));
    counts.set('healthy', this.#tracked.size - unwell.length);
    for (const { health } of unwell) counts.set(health.status, (counts.get(health.status) ?? 0) + 1);
    return counts;
  }

  async #keepRecord(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#dirty.wait(Number.POSITIVE_INFINITY, signal);
      if (signal.aborted) return;
      const commit = this.#commit;
      try {
        const judged = await this.#options.hub.tell([...this.#tracked.values()].map(({ id }) => id));
        if (signal.aborted) return;
        await this.#options.record(commit, judged);
        await pause(RECORD_EVERY, signal);
      } catch (error) {
        if (signal.aborted) return;
        const { log } = this.#options;
        log.warn('The health is not recorded yet', { commit, error: headline(problemsOf(error)) });
        await pause(TRY_AGAIN, signal);
        this.#dirty.ring();
      }
    }
  }
}

function sentence(unwell: readonly ObjectHealth[]): string {
  const [{ id, health }, ...more] = unwell as [ObjectHealth, ...ObjectHealth[]];
  const rest = more.length > 0 ? ` (and ${more.length} more)` : '';
  return `${formatObject(id)}: ${health.reason}${health.message ? `: ${health.message}` : ''}${rest}`;
}

/** Who wrote last, besides us. */
function lastWriter(object: KubeObject): string {
  const entries = managedFieldsOf(object).filter(
    ({ subresource, manager }) => subresource !== 'status' && manager !== FIELD_MANAGER,
  );
  return entries.toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''))[0]?.manager ?? 'somebody';
}
