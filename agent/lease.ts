import type { Cluster, ObjectRef, Resource } from '../core/model/cluster.ts';
import { dig } from '../core/model/json.ts';
import type { KubeObject } from '../core/model/object.ts';

/** Who leads, for how long (client-go `leaderelection`, with shorter times). All in ms. */
const DURATION = 10_000;
const RENEW_EVERY = 3_000;
const RETRY_EVERY = 1_000;
/** A leader that could not renew stops writing well before a standby may begin. */
const GIVE_UP_AFTER = 7_000;

export interface LeaseOptions {
  /** A connection of its own with short timeouts: the Lease must not wait behind a large apply. */
  cluster: Pick<Cluster, 'get' | 'create' | 'update'>;
  namespace: string;
  name: string;
  /** The Pod's name: who holds the Lease. */
  identity: string;
  /** Ends it all: the Lease is given back, so that a standby need not wait. */
  signal: AbortSignal;
  now: () => number;
  /** Waits, at most until the signal ends; never rejects. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Who leads, each time that changes or can't be told; undefined where nobody does. */
  onLeader?: (holder: string | undefined) => void;
  /** A failure to read or write the Lease, in words. */
  onTrouble?: (message: string) => void;
}

const LEASES: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
  verbs: ['get', 'create', 'update'],
};

/**
 * Runs `work` whenever this process leads, until the signal ends. `work` gets a signal that ends when it leads no
 * longer: within 7 s of the last renewal, while a standby waits 10 s. It has to end soon after.
 */
export async function whileLeading(
  options: LeaseOptions,
  work: (leading: AbortSignal) => Promise<void>,
): Promise<void> {
  const lease = new Lease(options);
  while (!options.signal.aborted) {
    if (!(await lease.acquire())) return;
    const lost = new AbortController();
    const leading = AbortSignal.any([options.signal, lost.signal]);
    const renewing = lease.renewUntilLost(leading).then(() => lost.abort(new Error('the Lease was lost')));
    try {
      await work(leading);
    } finally {
      lost.abort(new Error('the work has ended'));
      await renewing;
      await lease.release();
    }
  }
}

class Lease {
  readonly #options: LeaseOptions;
  readonly #ref: ObjectRef;
  /** As it was last seen, and since when by our own clock: clocks of machines differ. */
  #seen: { version: string; at: number } | undefined;
  #live: KubeObject | undefined;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #holder: string | undefined | null = null;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#ref = { resource: LEASES, namespace: options.namespace, name: options.name };
  }

  /** Waits until this process holds the Lease; false where the signal ended before. */
  async acquire(): Promise<boolean> {
    const { signal, sleep } = this.#options;
    while (!signal.aborted) {
      if (await this.#tryAcquire()) return true;
      await sleep(RETRY_EVERY, signal);
    }
    return false;
  }

  async renewUntilLost(leading: AbortSignal): Promise<void> {
    const { now, sleep } = this.#options;
    const left = (): number => GIVE_UP_AFTER - (now() - this.#renewedAt);
    while (!leading.aborted && left() > 0) {
      const isFresh = now() - this.#renewedAt < RENEW_EVERY;
      await sleep(Math.min(isFresh ? RENEW_EVERY : RETRY_EVERY, left()), leading);
      if (leading.aborted || left() <= 0) return;
      // A request that hangs must not keep a lost Lease alive.
      const timeout = sleep(left(), leading).then(() => false);
      const renewed = await Promise.race([this.#tryAcquire(), timeout]);
      if (!renewed && this.#holder !== this.#options.identity) return;
    }
  }

  /** Gives the Lease back where it is still ours. */
  async release(): Promise<void> {
    const { cluster, identity } = this.#options;
    const live = this.#live;
    this.#renewedAt = Number.NEGATIVE_INFINITY;
    if (!live || dig(live, 'spec', 'holderIdentity') !== identity) return;
    const spec = { ...(live.spec as object), holderIdentity: '', leaseDurationSeconds: 1 };
    await cluster
      .update(this.#ref, { ...live, spec } as KubeObject, { dryRun: false })
      .catch(() => undefined);
    this.#live = undefined;
    this.#say(undefined);
  }

  async #tryAcquire(): Promise<boolean> {
    try {
      return await this.#ask();
    } catch (error) {
      // Credentials that can't be had, or a connection that was closed: no reason to stop trying, or to go on leading.
      this.#options.onTrouble?.(error instanceof Error ? error.message : String(error));
      this.#live = undefined;
      return false;
    }
  }

  async #ask(): Promise<boolean> {
    const { cluster, now, onTrouble = () => undefined } = this.#options;
    const startedAt = now();
    // The leader writes what it last saw; a 409 tells it that somebody else did.
    if (!this.#live) {
      const found = await cluster.get(this.#ref);
      if (!found.ok && found.failure.status !== 404) {
        onTrouble(found.failure.message);
        return false;
      }
      if (found.ok) this.#note(found.value);
    }
    const live = this.#live;
    const holder = live && dig(live, 'spec', 'holderIdentity');
    const isOurs = holder === this.#options.identity;
    if (live && !isOurs && !this.#isFree(live)) {
      this.#say(String(holder));
      this.#live = undefined;
      return false;
    }
    const answer = live
      ? await cluster.update(this.#ref, this.#held(live, isOurs), { dryRun: false })
      : await cluster.create(this.#ref, this.#held(undefined, false));
    if (!answer.ok) {
      this.#live = undefined;
      if (answer.failure.status !== 409) onTrouble(answer.failure.message);
      return false;
    }
    this.#note(answer.value);
    this.#renewedAt = startedAt;
    this.#say(this.#options.identity);
    return true;
  }

  #note(live: KubeObject): void {
    const version = String(live.metadata.resourceVersion);
    if (this.#seen?.version !== version) this.#seen = { version, at: this.#options.now() };
    this.#live = live;
  }

  /** Nobody holds it, or whoever does has not renewed it for as long as it lasts. */
  #isFree(live: KubeObject): boolean {
    if (!dig(live, 'spec', 'holderIdentity')) return true;
    const seconds = Number(dig(live, 'spec', 'leaseDurationSeconds') ?? DURATION / 1000);
    return this.#options.now() - this.#seen!.at >= seconds * 1000;
  }

  #held(live: KubeObject | undefined, isOurs: boolean): KubeObject {
    const { namespace, name, identity, now } = this.#options;
    // Kubernetes' MicroTime.
    const time = new Date(now()).toISOString().replace('Z', '000Z');
    const before = (live?.spec ?? {}) as { acquireTime?: string; leaseTransitions?: number };
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: live ? live.metadata : { name, namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: DURATION / 1000,
        acquireTime: (isOurs && before.acquireTime) || time,
        renewTime: time,
        leaseTransitions: (before.leaseTransitions ?? 0) + (live && !isOurs ? 1 : 0),
      },
    };
  }

  #say(holder: string | undefined): void {
    if (this.#holder === holder) return;
    this.#holder = holder;
    this.#options.onLeader?.(holder);
  }
}
