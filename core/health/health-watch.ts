import type { Cluster, Discovery } from '../model/cluster.ts';
import { isWell, type ObjectHealth, type StoryLine, type WaitEnd } from '../model/health.ts';
import { dig } from '../model/json.ts';
import { type KubeObject, type ObjectId, objectKey } from '../model/object.ts';
import { type Awaited, hasNoStatus, passSentence, type Sentence, type Sight, unseen } from './awaited.ts';
import { Follower, type FollowOptions, type Place } from './follower.ts';
import { noStatus } from './generic.ts';
import { judgeHealth } from './judge.ts';
import { Kin, kinPlaces } from './kin.ts';
import { lastWords } from './last-words.ts';
import { shown } from './story.ts';
import { progressing } from './verdict.ts';

export interface HealthWatchOptions extends FollowOptions {
  discovery: Discovery;
  /** Takes values that nobody may see out of what the cluster says. */
  scrub?: (text: string) => string;
  /** Called with all that is not well, without stories, whenever something may have changed. */
  onHealth?: (unwell: readonly ObjectHealth[]) => void;
  /** Called with each expected object as it is seen, with all that is in it; without one where it is gone. */
  onSeen?: (id: ObjectId, object: KubeObject | undefined) => void;
}

// In ms.
/** Health that depends on the time is looked at as often. */
const TICK = 1000;
/** What comes in one go is judged in one go. */
const DEBOUNCE = 50;
/** Judging thousands takes time: it may take one part in so many. */
const SHARE = 5;
/** A failure has to last as long: its events come a moment later, and so do the failures of its neighbours. */
const SETTLE = 1500;
/** Events of kinds that have no Pods are asked for only when there seems to be trouble. */
const TROUBLE = 3000;
/** Watches that may not be needed any more are looked for as often: what went wrong once soon does again. */
const TIDY = 60_000;
/** Of so many objects the last log lines are read. */
const MAX_LOGS = 5;

interface Target extends Sight {
  sentence: Sentence;
  /** When it was first not well. */
  unwellSince?: number | undefined;
}

/**
 * Watches the health of objects while they are waited for: their kinds in their namespaces and, as long as a
 * workload is not well, what belongs to it. One LIST and one WATCH of each, for all that is awaited together.
 */
export class HealthWatch {
  readonly #cluster: Cluster;
  readonly #options: HealthWatchOptions;
  readonly #follower: Follower;
  readonly #targets = new Map<string, Target>();
  readonly #kin = new Kin();
  /** All that was seen in the places of targets: some of it may be expected later. */
  readonly #objects = new Map<string, KubeObject>();
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal;
  readonly #waiters = new Set<() => void>();
  readonly #loop: Promise<void>;
  #nap = new AbortController();
  #isStale = false;
  #tidiedAt = 0;
  #failure: unknown;

  constructor(cluster: Cluster, options: HealthWatchOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#ended.signal]);
    this.#follower = new Follower(
      cluster,
      {
        onObject: (object, place) => this.#see(object, place),
        onGone: (name, place) => this.#lose(name, place),
        onState: () => this.#wake(),
        onError: (error) => {
          this.#failure ??= error;
          this.#wake();
        },
      },
      { ...options, signal: this.#signal },
    );
    this.#loop = this.#run();
  }

  /** Begins to watch these, or what became of them by a newer write. */
  expect(awaited: readonly Awaited[]): void {
    for (const one of awaited) {
      const { id, resource } = one;
      const key = objectKey(id);
      const known = this.#targets.get(key);
      const place = { resource, ...(id.namespace && { namespace: id.namespace }) };
      const health = hasNoStatus(id) ? noStatus() : progressing('NotObserved', 'it has not been seen yet');
      // Until it is judged anew, what was known of it counts.
      const sentence = { id, health, ...known?.sentence, known: hasNoStatus(id) };
      this.#targets.set(key, { place, sentence, object: this.#objects.get(key), awaited: one });
      if (!hasNoStatus(id)) this.#follower.add([place]);
    }
    this.#wake();
  }

  /** No longer watches these, nor what only they needed. */
  forget(ids: readonly ObjectId[]): void {
    for (const id of ids) this.#targets.delete(objectKey(id));
    this.#tidy();
  }

  /**
   * Waits until all of these are well, or until it makes no sense to wait on: see WaitEnd. `timeout` is in ms; with 0
   * it ends as soon as everything has been looked at. What was never expected is not waited for.
   */
  async until(
    ids: readonly ObjectId[],
    { timeout, stop }: { timeout: number; stop: AbortSignal },
  ): Promise<WaitEnd> {
    const { clock } = this.#options;
    const startedAt = clock.now();
    const keys = ids.map((id) => objectKey(id)).filter((key) => this.#targets.has(key));
    let failingSince: number | undefined;
    for (;;) {
      this.#signal.throwIfAborted();
      if (this.#failure) throw this.#failure;
      const sentences = keys.map((key) => this.#targets.get(key)!.sentence);
      if (sentences.every(isWellNow)) return 'well';
      if (stop.aborted) return 'stopped';
      const now = clock.now();
      const isFailing = sentences.some(({ health }) => health.terminal);
      failingSince = isFailing ? (failingSince ?? now) : undefined;
      if (failingSince !== undefined && now - failingSince >= SETTLE) return 'terminal';
      if (sentences.every((one) => one.refused || isWellNow(one))) return 'unknown';
      const isOver =
        timeout === 0
          ? sentences.every(({ known }) => known) || now - startedAt >= 10_000
          : now - startedAt >= timeout;
      if (isOver) return 'timeout';
      await this.#nextRound(stop);
    }
  }

  /** How these are now, in their order; what was not expected is left out. The last words of containers are read. */
  async tell(ids: readonly ObjectId[]): Promise<ObjectHealth[]> {
    const targets = ids.flatMap((id) => this.#targets.get(objectKey(id)) ?? []);
    const withLog = new Set(targets.filter(({ sentence }) => sentence.log).slice(0, MAX_LOGS));
    return Promise.all(
      targets.map(async (target) =>
        this.#out(target, withLog.has(target) ? await this.#lastWords(target) : undefined),
      ),
    );
  }

  /** Ends all watches. */
  async close(): Promise<void> {
    this.#ended.abort();
    await Promise.all([this.#loop, this.#follower.close()]);
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    try {
      for (let took = 0; !this.#signal.aborted; ) {
        if (!this.#isStale) await this.#sleep(TICK);
        await clock.sleep(Math.max(DEBOUNCE, took * SHARE), this.#signal);
        const startedAt = clock.now();
        this.#round();
        took = clock.now() - startedAt;
      }
    } catch (error) {
      if (!this.#signal.aborted) this.#failure = error;
    } finally {
      for (const resolve of this.#waiters) resolve();
    }
  }

  async #sleep(ms: number): Promise<void> {
    this.#nap = new AbortController();
    const either = AbortSignal.any([this.#nap.signal, this.#signal]);
    await this.#options.clock.sleep(ms, either).catch((error: unknown) => {
      if (!either.aborted) throw error;
    });
  }

  #wake(): void {
    this.#isStale = true;
    this.#nap.abort();
  }

  /** Judges all that is not well anew, and lets those know who wait. */
  #round(): void {
    this.#isStale = false;
    const now = this.#options.clock.now();
    for (const target of this.#targets.values()) {
      // What is well stays so until it is seen again.
      if (isWellNow(target.sentence)) continue;
      this.#judge(target, now);
    }
    if (now - this.#tidiedAt >= TIDY) this.#tidy();
    const unwell = [...this.#targets.values()].filter(({ sentence }) => !isWell(sentence.health.status));
    this.#options.onHealth?.(unwell.map((target) => this.#brief(target)));
    for (const resolve of this.#waiters) resolve();
  }

  /** Ends the watches that nobody needs any more: what belongs to a workload matters only while it is not well. */
  #tidy(): void {
    const now = this.#options.clock.now();
    this.#tidiedAt = now;
    const targets = [...this.#targets.values()];
    const kin = targets.flatMap((target) =>
      target.unwellSince === undefined ? [] : this.#kinOf(target, now),
    );
    const places = targets.flatMap(({ place, awaited }) => (hasNoStatus(awaited.id) ? [] : [place]));
    this.#follower.follow([...places, ...kin]);
    const needed = new Set(kin.map(({ namespace }) => namespace));
    this.#kin.keepOnly(needed);
    const followed = new Set(places.map((place) => keyIn(place, { ...place, name: '' })));
    for (const key of this.#objects.keys())
      if (!followed.has(key.slice(0, key.lastIndexOf('\n') + 1))) this.#objects.delete(key);
  }

  #judge(target: Target, now: number): void {
    const { place, awaited } = target;
    target.sentence = passSentence(target, {
      now: new Date(now),
      state: this.#follower.state(place),
      version: this.#follower.version(place),
      kin: this.#kin.of(awaited.id.namespace),
    });
    const { health, known } = target.sentence;
    if (isWell(health.status)) {
      target.unwellSince = undefined;
      return;
    }
    target.unwellSince ??= now;
    if (known) this.#follower.add(this.#kinOf(target, now));
  }

  #kinOf({ awaited, unwellSince = 0 }: Target, now: number): Place[] {
    const isTrouble = now - unwellSince >= TROUBLE;
    return kinPlaces(awaited.resource, awaited.id.namespace, this.#options.discovery, isTrouble);
  }

  #see(object: KubeObject, place: Place): void {
    const { managedFields: _, ...metadata } = object.metadata;
    const slim = { ...object, metadata } as KubeObject;
    if (Kin.keeps(place.resource)) this.#kin.put(slim);
    this.#objects.set(keyIn(place, object.metadata), slim);
    const target = this.#targetOf(place, object.metadata);
    if (target) {
      target.object = slim;
      this.#unsettle(target);
      this.#options.onSeen?.(target.awaited.id, object);
    }
    if (target || Kin.keeps(place.resource)) this.#wake();
  }

  #lose(name: { namespace?: string; name: string }, place: Place): void {
    this.#kin.drop(place.resource.kind, name);
    this.#objects.delete(keyIn(place, name));
    const target = this.#targetOf(place, name);
    if (!target) return;
    const { object } = target;
    // A Job that was to clean up behind itself has done what was wanted of it.
    if (object && typeof dig(object, 'spec', 'ttlSecondsAfterFinished') === 'number') {
      const { deletionTimestamp: _, ...metadata } = object.metadata;
      const ended = { ...object, metadata } as KubeObject;
      const health = judgeHealth(ended, { now: new Date(this.#options.clock.now()) });
      if (isWell(health.status) || health.terminal) target.kept = health;
    }
    target.object = undefined;
    this.#unsettle(target);
    this.#options.onSeen?.(target.awaited.id, undefined);
    this.#wake();
  }

  #targetOf(place: Place, name: { namespace?: unknown; name: string }): Target | undefined {
    return this.#targets.get(keyIn(place, name));
  }

  /** What was well has to be judged again. */
  #unsettle(target: Target): void {
    target.sentence = { ...target.sentence, known: false };
  }

  #nextRound(stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiters.delete(done);
        stop.removeEventListener('abort', done);
        resolve();
      };
      this.#waiters.add(done);
      stop.addEventListener('abort', done, { once: true });
      if (stop.aborted || this.#signal.aborted || this.#failure) done();
    });
  }

  #lastWords({ sentence }: Target): Promise<StoryLine[]> {
    return lastWords(this.#cluster, this.#options.clock, sentence.log!);
  }

  /** As it may be shown, in a sentence. */
  #brief({ sentence: { id, health } }: Target): ObjectHealth {
    const message = health.message && (this.#options.scrub?.(health.message) ?? health.message);
    return { id, health: { ...health, ...(message && { message }) } };
  }

  /** As it may be shown, with its story. */
  #out(target: Target, words: readonly StoryLine[] = []): ObjectHealth {
    const { story, log } = target.sentence;
    const told = this.#brief(target);
    if (!story) return told;
    const states = this.#kinOf(target, 0).map((place) => ({ place, state: this.#follower.state(place) }));
    const lines = [
      ...story.slice(0, log?.after),
      ...words,
      ...story.slice(log?.after ?? story.length),
      ...unseen(states),
    ];
    return { ...told, story: shown(lines, this.#options.scrub) };
  }
}

function keyIn(
  { resource: { group, kind } }: Place,
  { namespace, name }: { namespace?: unknown; name: string },
): string {
  const within = typeof namespace === 'string' && namespace !== '' ? { namespace } : {};
  return objectKey({ group, kind, ...within, name });
}

function isWellNow({ known, health }: Sentence): boolean {
  return known && isWell(health.status);
}

/** Waits for objects once: see `HealthWatch.until`. */
export async function waitHealthy(
  cluster: Cluster,
  awaited: readonly Awaited[],
  { timeout, stop, ...options }: HealthWatchOptions & { timeout: number; stop: AbortSignal },
): Promise<{ end: WaitEnd; objects: ObjectHealth[] }> {
  const watch = new HealthWatch(cluster, options);
  const ids = awaited.map(({ id }) => id);
  try {
    watch.expect(awaited);
    const end = await watch.until(ids, { timeout, stop });
    return { end, objects: await watch.tell(ids) };
  } finally {
    await watch.close();
  }
}
