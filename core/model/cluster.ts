import type { Json } from './json.ts';
import type { KubeObject } from './object.ts';

/** A kind that the API server serves, as discovery tells it. */
export interface Resource {
  group: string;
  version: string;
  kind: string;
  /** The plural name in URLs, `deployments`. */
  plural: string;
  /** The other names that people give it: `deployment`, and `deploy`. */
  singular?: string;
  shortNames?: readonly string[];
  namespaced: boolean;
  verbs: readonly string[];
}

/** What discovery knows. `stale` names groups (`metrics.k8s.io/v1beta1`) whose aggregated API does not answer. */
export interface Discovery {
  resources: readonly Resource[];
  stale: ReadonlySet<string>;
}

/** A request that did not succeed, worded by the API server or by the connection. Holds no credentials. */
export interface ApiFailure {
  /** The HTTP status; 0 where there was no answer at all. */
  status: number;
  /** `reason` of the Status object: Forbidden, NotFound, Invalid, …; '' where there is none. */
  reason: string;
  /** As the server says it. It may quote values of the object: goes out through the secret gate only. */
  message: string;
  /** What `details` names: the object or the namespace that was not found. */
  details?: { group?: string; kind?: string; name?: string };
  causes: { field?: string; reason?: string; message?: string }[];
}

export type Answer<T> = { ok: true; value: T } | { ok: false; failure: ApiFailure };

export interface ObjectRef {
  resource: Resource;
  namespace?: string;
  name: string;
}

/** One operation of a JSON patch (RFC 6902). */
export interface PatchOperation {
  op: 'add' | 'replace' | 'remove' | 'test';
  /** A JSON pointer. */
  path: string;
  value?: Json;
}

/** What becomes of the objects that a deleted one owns, and when. */
export type Propagation = 'Foreground' | 'Background' | 'Orphan';

export interface ListPage {
  items: KubeObject[];
  /** How many the server says are left; undefined where it does not say. */
  remaining?: number;
  /** For the next page; absent on the last. */
  continue?: string;
  /** Of the moment at which the server listed: a watch goes on from there. */
  resourceVersion: string;
}

/** What of a collection is wanted. `namespace` absent: of all namespaces. Selectors as in the API's query. */
export interface Selection {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

/**
 * What a watch tells: first that the server has taken it on. A bookmark says how far it has come; a failure is always the last: 410 where the server has
 * forgotten that moment, status 0 where the connection broke.
 */
export type WatchEvent =
  | { type: 'OPEN' }
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: KubeObject }
  | { type: 'BOOKMARK'; resourceVersion: string }
  | { type: 'ERROR'; failure: ApiFailure };

export interface PodName {
  namespace: string;
  name: string;
}

/** What of a container's log is wanted; all of it where nothing is said. */
export interface LogSelection {
  /** May be left out where the Pod has only one. */
  container?: string;
  /** Of the run before the last restart. */
  previous?: boolean;
  /** Whether to go on until the container ends. */
  follow?: boolean;
  tailLines?: number;
  sinceSeconds?: number;
  /** RFC 3339; the node counts in whole seconds. */
  sinceTime?: string;
}

/**
 * What reading a log tells: lines, each with the time at which it was written by the node's clock (RFC 3339 in UTC, with
 * nanoseconds, so that texts compare as times; '' where the node does not say it). `isWhole` is false where the log ended
 * in the middle of one. A failure is always the last.
 */
export type LogEvent =
  | { type: 'LINE'; at: string; text: string; isWhole: boolean }
  | { type: 'ERROR'; failure: ApiFailure };

/** What the engine asks of a cluster. `core/kube` implements it; every call ends on `signal`. */
export interface Cluster {
  /**
   * Served kinds, from a cache where the server says that it is current. What a connection knows it renews in time;
   * `refresh` asks at once.
   */
  discover(options?: { refresh?: boolean }): Promise<Discovery>;
  get(ref: ObjectRef): Promise<Answer<KubeObject>>;
  list(
    resource: Resource,
    options: Selection & { limit: number; continue?: string },
  ): Promise<Answer<ListPage>>;
  /**
   * What happens to the objects of a kind after a moment, as it happens. Ends where the server ends it, which it does
   * every few minutes; rejects with the reason of `signal`, which ends it at once.
   */
  watch(
    resource: Resource,
    options: Selection & { resourceVersion: string; signal: AbortSignal },
  ): AsyncIterable<WatchEvent>;
  /** The last lines that a container wrote, or its `previous` run did, with their line feeds. */
  logs(
    pod: PodName,
    options: { container: string; tailLines: number; previous: boolean },
  ): Promise<Answer<string>>;
  /** The log of a container line by line, as it comes; rejects with the reason of `signal`, which ends it at once. */
  readLog(pod: PodName, options: LogSelection & { signal: AbortSignal }): AsyncIterable<LogEvent>;
  /**
   * Server-side apply with `fieldValidation=Strict` and our field manager. Without `force` (true where not said) a
   * field that another manager holds with another value is a 409. With `resourceVersion`, so is an object that is no
   * longer as it was read; with ABSENT, one that exists.
   */
  apply(
    ref: ObjectRef,
    object: KubeObject,
    options: { dryRun: boolean; force?: boolean; resourceVersion?: string },
  ): Promise<Answer<KubeObject>>;
  /** Creates an object by itself (POST): a 409 where it is there already. */
  create(ref: ObjectRef, object: KubeObject): Promise<Answer<KubeObject>>;
  /** A plain update (PUT) with our field manager. */
  update(ref: ObjectRef, object: KubeObject, options: { dryRun: boolean }): Promise<Answer<KubeObject>>;
  /** A JSON patch of an object as it was read: a 409 where it has changed since. */
  patch(
    ref: ObjectRef,
    operations: readonly PatchOperation[],
    options: { resourceVersion: string; dryRun: boolean },
  ): Promise<Answer<KubeObject>>;
  /**
   * Deletes the object with this `uid`, as it was read where `resourceVersion` is given: a 409 where it is another
   * one by now. The answer says that the deletion was accepted; finalizers may hold the object back.
   */
  delete(
    ref: ObjectRef,
    options: { uid: string; resourceVersion?: string; propagation: Propagation; dryRun: boolean },
  ): Promise<Answer<Json>>;
  /** Any GET below the server's root that answers with JSON, such as `/openapi/v3`. */
  getPath(path: string): Promise<Answer<Json>>;
}

/** The field manager under which every apply of ours is recorded. */
export const FIELD_MANAGER = 'gitlab-agent';

/** The version of an object that does not exist: etcd counts from 1, so that no object ever has it. */
export const ABSENT = '1';
