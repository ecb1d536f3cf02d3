import type { Awaited as AwaitedObject } from '../core/health/awaited.ts';
import type { FollowOptions } from '../core/health/follower.ts';
import { HealthWatch } from '../core/health/health-watch.ts';
import type { Cluster } from '../core/model/cluster.ts';
import type { ObjectHealth } from '../core/model/health.ts';
import { type KubeObject, type ObjectId, objectKey } from '../core/model/object.ts';

/** Who wants to know of some objects. */
export interface HealthListener {
  /** Called with all of its objects that are not well, whenever something may have changed. */
  onRound(unwell: readonly ObjectHealth[]): void;
  /** Called with each of its objects as it is seen, and without an object where it is gone. */
  onSeen(id: ObjectId, object: KubeObject | undefined): void;
}

/** One watch of the cluster for all entries: a LIST and a WATCH for each kind and namespace, whoever has objects there. */
export class HealthHub implements AsyncDisposable {
  readonly #watch: HealthWatch;
  readonly #listeners = new Map<string, HealthListener>();
  readonly #expected = new Map<HealthListener, ObjectId[]>();

  static async open(cluster: Cluster, following: FollowOptions): Promise<HealthHub> {
    return new HealthHub(cluster, { ...following, discovery: await cluster.discover() });
  }

  private constructor(
    cluster: Cluster,
    options: FollowOptions & { discovery: Awaited<ReturnType<Cluster['discover']>> },
  ) {
    this.#watch = new HealthWatch(cluster, {
      ...options,
      onHealth: (unwell) => this.#round(unwell),
      onSeen: (id, object) => this.#listeners.get(objectKey(id))?.onSeen(id, object),
    });
  }

  /** Watches these objects for a listener, and no longer those of it that are not among them. */
  expect(listener: HealthListener, objects: readonly AwaitedObject[]): void {
    const wanted = new Set(objects.map(({ id }) => objectKey(id)));
    const before = this.#expected.get(listener) ?? [];
    const gone = before.filter(
      (id) => !wanted.has(objectKey(id)) && this.#listeners.get(objectKey(id)) === listener,
    );
    for (const id of gone) this.#listeners.delete(objectKey(id));
    if (gone.length > 0) this.#watch.forget(gone);
    for (const key of wanted) this.#listeners.set(key, listener);
    if (objects.length > 0)
      this.#expected.set(
        listener,
        objects.map(({ id }) => id),
      );
    else this.#expected.delete(listener);
    this.#watch.expect(objects);
  }

  /** How objects are by now, with their stories. */
  tell(ids: readonly ObjectId[]): Promise<ObjectHealth[]> {
    return this.#watch.tell(ids);
  }

  #round(unwell: readonly ObjectHealth[]): void {
    const groups = Map.groupBy(unwell, ({ id }) => this.#listeners.get(objectKey(id)));
    for (const listener of this.#expected.keys()) listener.onRound(groups.get(listener) ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch.close();
  }
}
