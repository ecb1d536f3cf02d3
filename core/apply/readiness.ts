import { HealthWatch } from '../health/health-watch.ts';
import type { ApplyError, Outcome, Waited } from '../model/apply.ts';
import type { Cluster, Discovery } from '../model/cluster.ts';
import { isWell, type ObjectHealth, type WaitEnd } from '../model/health.ts';
import { formatObject, type KubeObject, type ObjectId, objectKey } from '../model/object.ts';
import type { Step } from '../plan/plan.ts';
import { backendsOf } from './backends.ts';
import type { Clock } from './clock.ts';
import type { Order } from './order.ts';
import { INTERRUPTED, settled } from './outcome.ts';
import { WaitBudget } from './wait-budget.ts';

/** What `--wait` says. */
export interface WaitOptions {
  /** The longest that all waiting may take together, in ms. */
  timeout: number;
  /** Called with what is not well, as it changes, from the first object that is waited for on. */
  onHealth?: (unwell: readonly ObjectHealth[]) => void;
}

export interface ReadinessOptions {
  cluster: Cluster;
  discovery: Discovery;
  clock: Clock;
  /** In [0, 1), for the jitter of retries. */
  random: () => number;
  stop: AbortSignal;
  /** Takes secret values out of what the cluster says. */
  scrub: (text: string) => string;
  /** Absent: only the backends of webhooks are waited for. */
  wait?: WaitOptions;
}

/**
 * How long the backend of a webhook is waited for, in ms. Then the webhook is written all the same: some backends
 * become ready only when they find it.
 */
const BACKEND_PATIENCE = 30_000;

/**
 * What has to be well before other objects are written: with `--wait` what `depends-on` names, and the objects of
 * earlier sync waves; always, but for a bounded time, the backends of webhooks that come with the set.
 */
export class Readiness {
  readonly #options: ReadinessOptions;
  readonly #order: Order;
  readonly #backends: ReadonlyMap<Step, readonly Step[]>;
  readonly #budget: WaitBudget;
  readonly #abort = new AbortController();
  readonly #done = new Map<Step, { now: Step; outcome: Outcome }>();
  readonly #versions = new Map<string, string>();
  #watch: HealthWatch | undefined;
  /** Why no further wave is begun. */
  #held: ApplyError | undefined;

  constructor(order: Order, options: ReadinessOptions) {
    this.#order = order;
    this.#options = options;
    this.#backends = backendsOf(order.waves.flat());
    this.#budget = new WaitBudget(options.clock, options.wait?.timeout ?? 0);
  }

  /** Whether a step may have to wait while others of its wave need not. */
  delays(step: Step): boolean {
    return this.#backends.has(step) || (this.#options.wait !== undefined && this.#order.named.has(step));
  }

  /** Notes an object as it was written, or found to be as it should be: what is older says nothing of it. */
  settled(id: ObjectId, { metadata }: KubeObject): void {
    if (typeof metadata.resourceVersion === 'string')
      this.#versions.set(objectKey(id), metadata.resourceVersion);
  }

  /** Notes what became of a step; `now` is the step as it was carried out. */
  done(step: Step, now: Step, outcome: Outcome): void {
    this.#done.set(step, { now, outcome });
    if (this.#options.wait) this.#expect([step]);
  }

  /** Waits for the objects of earlier sync waves. The error says why this wave must not begin. */
  async beforeWave(wave: readonly Step[], now: readonly Step[]): Promise<ApplyError | undefined> {
    const number = this.#order.syncWaves.get(wave[0]!)!;
    // A wave of which nothing is written need not wait.
    if (!this.#options.wait || this.#held || now.every(({ change }) => settled(change))) return this.#held;
    const earlier = [...this.#done.keys()].filter((step) => this.#order.syncWaves.get(step)! < number);
    if (earlier.length > 0) this.#held = await this.#heldBy(earlier, number);
    return this.#held;
  }

  async #heldBy(earlier: readonly Step[], number: number): Promise<ApplyError | undefined> {
    const what = `sync wave ${number} is not begun while`;
    const wrong = earlier.find((step) => this.#done.get(step)!.outcome.error);
    if (wrong) {
      const { change, result } = this.#done.get(wrong)!.outcome;
      const is = result === 'failed' ? 'has failed' : 'is held back';
      return { reason: 'WaveNotHealthy', message: `${what} ${formatObject(change.id)} ${is}` };
    }
    const unwell = await this.#await(earlier, this.#budget.left);
    return unwell && interruptedOr(unwell, 'WaveNotHealthy', what);
  }

  /** Waits for what a step names, or is asked by. The error says why it must not be written. */
  async beforeStep(step: Step): Promise<ApplyError | undefined> {
    const named = this.#options.wait ? (this.#order.named.get(step) ?? []) : [];
    const unwell = named.length > 0 ? await this.#await(named, this.#budget.left) : undefined;
    if (unwell) return interruptedOr(unwell, 'DependencyNotHealthy', 'it is not written while');
    const backends = (this.#backends.get(step) ?? []).filter((one) => this.#done.get(one)?.now.resource);
    if (backends.length > 0) {
      const patience = this.#options.wait ? Math.min(BACKEND_PATIENCE, this.#budget.left) : BACKEND_PATIENCE;
      const result = await this.#await(backends, patience);
      if (result?.end === 'stopped') return INTERRUPTED;
    }
    return undefined;
  }

  /**
   * Waits for everything that was applied, or was so already. Where something failed or is held back the set will not
   * become what it should be: then it only looks. Undefined where nobody asked for it.
   */
  async finish(outcomes: readonly Outcome[]): Promise<{ outcomes: Outcome[]; waited: Waited } | undefined> {
    if (!this.#options.wait) return undefined;
    const ids = [...this.#done.values()].flatMap(({ now }) => now.change.id);
    const isLost = outcomes.some(({ error }) => error);
    const watch = this.#watching();
    const end = await this.#budget.during(() => this.#until(ids, isLost ? 0 : this.#budget.left));
    const told = new Map((await watch.tell(ids)).map((one) => [objectKey(one.id), one]));
    return {
      waited: { end, seconds: Math.round(this.#budget.spent / 100) / 10 },
      outcomes: outcomes.map((outcome) => {
        const { health, story } = told.get(objectKey(outcome.change.id)) ?? {};
        return health && isAwaited(outcome)
          ? { ...outcome, health, ...(story && story.length > 1 && { story }) }
          : outcome;
      }),
    };
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#watch?.close();
  }

  #watching(): HealthWatch {
    const { cluster, wait, stop: _stop, ...options } = this.#options;
    const { onHealth } = wait ?? {};
    this.#watch ??= new HealthWatch(cluster, {
      ...options,
      signal: this.#abort.signal,
      ...(onHealth && { onHealth }),
    });
    return this.#watch;
  }

  #expect(steps: readonly Step[]): void {
    const awaited = steps.flatMap((step) => {
      const { now, outcome } = this.#done.get(step)!;
      if (!now.resource || !isAwaited(outcome)) return [];
      const resourceVersion = this.#versions.get(objectKey(now.change.id));
      return [{ id: now.change.id, resource: now.resource, ...(resourceVersion && { resourceVersion }) }];
    });
    this.#watching().expect(awaited);
  }

  /** What is not well at the end of a wait; undefined where all is. */
  async #await(steps: readonly Step[], timeout: number): Promise<Unwell | undefined> {
    if (!this.#options.wait) this.#expect(steps);
    const ids = steps.map(({ change }) => change.id);
    const end = await this.#budget.during(() => this.#until(ids, timeout));
    if (end === 'well') return undefined;
    const told = await this.#watching().tell(ids);
    const [first, ...more] = told.filter(({ health }) => !isWell(health.status));
    return { end, first, more: more.length };
  }

  #until(ids: readonly ObjectId[], timeout: number): Promise<WaitEnd> {
    return this.#watching().until(ids, { timeout, stop: this.#options.stop });
  }
}

interface Unwell {
  end: WaitEnd;
  first: ObjectHealth | undefined;
  more: number;
}

function isAwaited({ result }: Outcome): boolean {
  return result === 'applied' || result === 'unchanged';
}

function interruptedOr({ end, first, more }: Unwell, reason: string, what: string): ApplyError {
  if (end === 'stopped' || !first) return INTERRUPTED;
  const { status, reason: why, message = '' } = first.health;
  const others = more > 0 ? ` (and ${more} more are not well)` : '';
  const late = end === 'timeout' ? ' after the whole --timeout' : '';
  return {
    reason,
    message: `${what} ${formatObject(first.id)} is ${status}${late}: ${why}${message && `: ${message}`}${others}`,
  };
}
