import type { Clock } from '../model/clock.ts';
import type { ApiFailure, Cluster, Resource, Selection, WatchEvent } from '../model/cluster.ts';
import type { KubeObject } from '../model/object.ts';
import { ProblemError } from '../model/problem.ts';
import { textAt } from './fields.ts';

/** Objects that are followed together: of a kind, in a namespace or in the whole cluster. */
export interface Place extends Selection {
  resource: Resource;
}

/**
 * How far what was told of a place can be trusted. `listed`: it is complete, and is being watched. `failing`: it may be
 * old, and is tried again. `refused`: nobody may look there, or nothing is served; asked again after minutes only.
 */
export type PlaceState =
  | { status: 'listed' }
  | { status: 'failing'; failure: ApiFailure }
  | { status: 'refused'; failure: ApiFailure };

/** Called one after the other; they must not throw. */
export interface FollowHandlers {
  /** An object that is new, or has changed. */
  onObject(object: KubeObject, place: Place): void;
  /** An object that was told before is not there any more. */
  onGone(name: { namespace?: string; name: string }, place: Place): void;
  onState?(state: PlaceState, place: Place): void;
  /** A place is followed no more, because the connection was ended from outside. */
  onError?(error: unknown): void;
}

export interface FollowOptions {
  clock: Clock;
  /** In [0, 1), for the jitter of retries. */
  random: () => number;
  /** Ends everything. */
  signal: AbortSignal;
}

/** What is known of one place. */
interface Feed {
  place: Place;
  abort: AbortController;
  state?: PlaceState;
  /** How far it has come; undefined before it was listed, and where the server has forgotten that moment. */
  resourceVersion?: string | undefined;
  /** The versions of what was told, by `NAMESPACE/NAME`. */
  known: Map<string, string>;
  /** Whether we were once allowed to watch it. */
  wasWatched: boolean;
  /** Failures in a row. */
  failures: number;
}

const PAGE = 500;
// In ms.
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** Rights may be granted later: nothing else would make a refused place come back. */
const REFUSED_PAUSE = 300_000;
/** A watch that lasts as long was a good one. */
const GOOD_WATCH = 5_000;
/** An API server that starts refuses for a moment what it knows nothing of yet. */
const REFUSALS = 3;
/** After so many watches that failed in a row, the moment itself may be what the server can't go on from. */
const STUBBORN = 3;

/**
 * Follows objects for as long as its signal lasts, months where need be: one LIST of each place, then one WATCH, which
 * goes on where the last one ended. A new LIST is made where the server has forgotten that moment (410), and only what
 * differs from what was told before is told then. Failures are tried again, ever later.
 */
export class Follower {
  readonly #cluster: Pick<Cluster, 'list' | 'watch'>;
  readonly #handlers: FollowHandlers;
  readonly #options: FollowOptions;
  readonly #feeds = new Map<string, Feed>();
  readonly #running = new Set<Promise<void>>();

  constructor(cluster: Pick<Cluster, 'list' | 'watch'>, handlers: FollowHandlers, options: FollowOptions) {
    this.#cluster = cluster;
    this.#handlers = handlers;
    this.#options = options;
  }

  /** Follows these places too; those that are followed already stay as they are. */
  add(places: readonly Place[]): void {
    for (const place of places) {
      const key = keyOf(place);
      if (!this.#feeds.has(key)) this.#feeds.set(key, this.#begin(place));
    }
  }

  /** Follows exactly these places from now on. */
  follow(places: readonly Place[]): void {
    const keys = new Set(places.map(keyOf));
    for (const [key, feed] of this.#feeds) {
      if (keys.has(key)) continue;
      feed.abort.abort();
      this.#feeds.delete(key);
    }
    this.add(places);
  }

  /** The state of a place; undefined before anything is known, and where it is not followed. */
  state(place: Place): PlaceState | undefined {
    return this.#feeds.get(keyOf(place))?.state;
  }

  /** The resourceVersion up to which everything of a place was told. */
  version(place: Place): string | undefined {
    return this.#feeds.get(keyOf(place))?.resourceVersion;
  }

  /** Ends all; resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.follow([]);
    await Promise.all(this.#running);
  }

  #begin(place: Place): Feed {
    const feed: Feed = {
      place,
      abort: new AbortController(),
      known: new Map(),
      wasWatched: false,
      failures: 0,
    };
    const signal = AbortSignal.any([feed.abort.signal, this.#options.signal]);
    const running = this.#run(feed, signal).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return feed;
  }

  async #run(feed: Feed, signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const failure = await this.#pass(feed, signal).catch((error: unknown) => failureOf(error, signal));
        const pause = failure ? this.#failed(feed, failure) : 0;
        if (pause > 0) await this.#options.clock.sleep(pause, signal);
      }
    } catch (error) {
      if (!signal.aborted) this.#handlers.onError?.(error);
    }
  }

  /** Lists where that is needed, then watches until the watch ends. Returns what went wrong. */
  async #pass(feed: Feed, signal: AbortSignal): Promise<ApiFailure | undefined> {
    const { place } = feed;
    const { resource, ...selection } = place;
    if (!resource.verbs.includes('list') || !resource.verbs.includes('watch')) return notWatchable(resource);
    if (feed.resourceVersion === undefined) {
      const failure = await this.#list(feed, signal);
      if (failure) return failure;
    }
    const { clock } = this.#options;
    const startedAt = clock.now();
    const resourceVersion = feed.resourceVersion!;
    for await (const event of this.#cluster.watch(resource, { ...selection, resourceVersion, signal })) {
      signal.throwIfAborted();
      if (event.type === 'ERROR') return event.failure;
      if (event.type !== 'OPEN') this.#take(feed, event);
      else {
        feed.wasWatched = true;
        this.#enter(feed, { status: 'listed' });
      }
    }
    // The server ends a watch after minutes; one that ends at once would be opened again without a pause.
    if (clock.now() - startedAt >= GOOD_WATCH) feed.failures = 0;
    else return { status: 0, reason: 'WatchEnded', message: 'the watch ended at once', causes: [] };
    return undefined;
  }

  async #list(feed: Feed, signal: AbortSignal): Promise<ApiFailure | undefined> {
    const { resource, ...selection } = feed.place;
    const found = new Set<string>();
    let token: string | undefined;
    do {
      const options = { ...selection, limit: PAGE, ...(token && { continue: token }) };
      const answer = await this.#cluster.list(resource, options);
      signal.throwIfAborted();
      if (!answer.ok) return answer.failure;
      for (const object of answer.value.items) {
        found.add(nameOf(object));
        if (feed.known.get(nameOf(object)) !== versionOf(object)) this.#tell(feed, object);
      }
      token = answer.value.continue;
      feed.resourceVersion = token ? undefined : answer.value.resourceVersion;
    } while (token);
    for (const name of feed.known.keys()) if (!found.has(name)) this.#forget(feed, name);
    this.#enter(feed, { status: 'listed' });
    return undefined;
  }

  #take(feed: Feed, event: Exclude<WatchEvent, { type: 'ERROR' | 'OPEN' }>): void {
    feed.failures = 0;
    if (event.type === 'BOOKMARK') {
      if (event.resourceVersion) feed.resourceVersion = event.resourceVersion;
      return;
    }
    feed.resourceVersion = versionOf(event.object) || feed.resourceVersion;
    if (event.type === 'DELETED') this.#forget(feed, nameOf(event.object));
    else this.#tell(feed, event.object);
  }

  #tell(feed: Feed, object: KubeObject): void {
    feed.known.set(nameOf(object), versionOf(object));
    this.#handlers.onObject(object, feed.place);
  }

  #forget(feed: Feed, key: string): void {
    feed.known.delete(key);
    const [namespace, name] = key.split('/') as [string, string];
    this.#handlers.onGone({ ...(namespace && { namespace }), name }, feed.place);
  }

  /** Notes a failure, and says how long to leave the server alone, in ms. */
  #failed(feed: Feed, failure: ApiFailure): number {
    feed.failures += 1;
    const { status, reason } = failure;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (feed.failures - 1));
    const jittered = pause / 2 + (pause / 2) * this.#options.random();
    if (status === 410 || feed.failures >= STUBBORN) feed.resourceVersion = undefined;
    if (reason === 'WatchEnded') return jittered;
    // Every server forgets old moments: that is no trouble, unless it does nothing else.
    if (status === 410 && feed.failures === 1) return 0;
    if (isRefusal(failure) && (!feed.wasWatched || feed.failures >= REFUSALS)) {
      this.#enter(feed, { status: 'refused', failure });
      return REFUSED_PAUSE * (1 + this.#options.random());
    }
    // A connection that broke once and can be made again is no news.
    if (feed.resourceVersion === undefined || feed.failures > 1)
      this.#enter(feed, { status: 'failing', failure });
    return jittered;
  }

  #enter(feed: Feed, state: PlaceState): void {
    if (state.status === 'listed' && feed.state?.status === 'listed') return;
    feed.state = state;
    this.#handlers.onState?.(state, feed.place);
  }
}

function isRefusal({ status }: ApiFailure): boolean {
  return status === 403 || status === 404 || status === 405;
}

function notWatchable({ plural, group }: Resource): ApiFailure {
  const message = `the API server does not let anybody watch ${plural}${group && `.${group}`}`;
  return { status: 405, reason: 'NotWatchable', message, causes: [] };
}

/** Credentials that can't be had come back with time, too. */
function failureOf(error: unknown, signal: AbortSignal): ApiFailure {
  if (signal.aborted || !(error instanceof ProblemError)) throw error;
  const { code: reason, message } = error.problems[0]!;
  return { status: 0, reason, message, causes: [] };
}

function keyOf({ resource, namespace = '', labelSelector = '', fieldSelector = '' }: Place): string {
  return [resource.group, resource.version, resource.plural, namespace, labelSelector, fieldSelector].join(
    '\n',
  );
}

function nameOf({ metadata }: KubeObject): string {
  return `${textAt(metadata, 'namespace')}/${metadata.name}`;
}

function versionOf({ metadata }: KubeObject): string {
  return textAt(metadata, 'resourceVersion');
}
