import { HEALTH_STATUSES, type Health, isWell, type StoryLine } from '../model/health.ts';
import type { KubeObject } from '../model/object.ts';
import { formatObject, parseApiVersion } from '../model/object.ts';
import { containerTroubles, lastRun } from './containers.ts';
import { creationFailure } from './creation.ts';
import { textAt, word } from './fields.ts';
import { type HealthOptions, judgeHealth } from './judge.ts';
import { isOldRevision, newestReplicaSet, Relations, type SeenEvent } from './relations.ts';
import { count, degraded, failed } from './verdict.ts';

/** Why an object is not well, from the object down to what the cluster said last. */
export interface Story {
  lines: StoryLine[];
  /** The deepest cause that was found. Its `terminal` says whether waiting for the object makes sense. */
  cause: Health;
  /** Whose last words belong in it, and where: behind so many lines. */
  log?: LogSource & { after: number; depth: number };
}

/** A run of a container, of which something may be left to read. */
export interface LogSource {
  namespace: string;
  pod: string;
  container: string;
  /** The run before the one that is there now. */
  previous: boolean;
}

/** Pods with the same trouble are told once; of different troubles, so many. */
const MAX_TROUBLES = 3;

/**
 * Follows an object through what belongs to it: Deployment → ReplicaSet → Pod → container → event. `related` holds
 * live ReplicaSets, Jobs, Pods and Events, in any order and more than needed, or how they belong together; what is not there is
 * not told.
 */
export function tellStory(
  object: KubeObject,
  related: readonly KubeObject[] | Relations,
  options: HealthOptions,
): Story {
  const relations = related instanceof Relations ? related : new Relations(related);
  const teller = new Teller(relations, options);
  const cause = teller.tell(object, 0);
  return { lines: teller.lines, cause, ...(teller.log && { log: teller.log }) };
}

/** Lines as they are shown, the words of the cluster after `scrub`. */
export function shown(lines: readonly StoryLine[], scrub = (text: string): string => text): StoryLine[] {
  return lines.map(({ depth, head = '', text }) => ({ depth, text: head + scrub(text) }));
}

class Teller {
  readonly lines: StoryLine[] = [];
  log: Story['log'];
  readonly #said = new Set<string>();
  readonly #relations: Relations;
  readonly #options: HealthOptions;

  constructor(relations: Relations, options: HealthOptions) {
    this.#relations = relations;
    this.#options = options;
  }

  /** Tells an object and what is below it; returns the cause that weighs most, the deeper of two that weigh the same. */
  tell(object: KubeObject, depth: number): Health {
    const health = this.#judge(object);
    const { head, text } = this.#sentence(health);
    this.#say(depth, text, `${nameOf(object)}: ${head}`);
    // Before its controller has seen the newest spec, all below is of an older one.
    if (isWell(health.status) || health.reason === 'GenerationNotObserved') return health;
    const causes = [health, ...this.#below(object, depth + 1)];
    return causes.reduce((worst, cause) => (weight(cause) >= weight(worst) ? cause : worst));
  }

  #below(object: KubeObject, depth: number): Health[] {
    const relations = this.#relations;
    switch (object.kind) {
      case 'Deployment':
      case 'Rollout': {
        const newest = newestReplicaSet(object, relations.owned(object, 'ReplicaSet'));
        return newest ? [this.tell(newest, depth)] : this.#events(object, depth);
      }
      case 'CronJob':
        return relations
          .owned(object, 'Job')
          .filter((job) => !isWell(this.#judge(job).status))
          .slice(-1)
          .map((job) => asHint(this.tell(job, depth)));
      case 'ReplicaSet':
      case 'ReplicationController':
      case 'StatefulSet':
      case 'DaemonSet':
      case 'Job':
        return [...this.#creation(object, depth), ...this.#pods(object, depth)];
      case 'Pod':
        return this.#insidePod(object, depth);
      default:
        return this.#events(object, depth);
    }
  }

  /** Pods that could not be created: StatefulSets, DaemonSets and Jobs say so in events only. */
  #creation(object: KubeObject, depth: number): Health[] {
    const events = this.#relations.events(object);
    const event = events.find(({ reason }) => reason === 'FailedCreate' || reason === 'SuccessfulCreate');
    if (event?.reason !== 'FailedCreate') return [];
    const { reason, terminal } = creationFailure(event.message);
    // The same words stand in a ReplicaSet's condition.
    if (this.#judge(object).reason === reason) return [];
    this.#say(depth, eventText(event));
    return [(terminal ? failed : degraded)(reason, event.message)];
  }

  #pods(owner: KubeObject, depth: number): Health[] {
    const pods = this.#relations.owned(owner, 'Pod').map((pod) => ({
      pod,
      health: this.#judge(pod),
    }));
    const unwell = pods.filter(({ health }) => !isWell(health.status));
    const byReason = Map.groupBy(unwell, ({ health }) => health.reason);
    const groups = [...byReason.values()].sort((a, b) => weight(b[0]!.health) - weight(a[0]!.health));
    const causes: Health[] = [];
    for (const group of groups.slice(0, MAX_TROUBLES)) {
      const newest = group.find(({ pod }) => !isOldRevision(pod, owner)) ?? group[0]!;
      const cause = this.tell(newest.pod, depth);
      if (group.length > 1) this.#say(depth, `${count(group.length - 1, 'more Pod')} like it`);
      const isOld = isOldRevision(newest.pod, owner);
      causes.push(isOld || endsWithJob(owner, cause) ? asHint(cause) : cause);
    }
    const untold = groups.length - MAX_TROUBLES;
    if (untold > 0) this.#say(depth, `${count(untold, 'more kind')} of trouble among its Pods`);
    return causes;
  }

  #insidePod(pod: KubeObject, depth: number): Health[] {
    const troubles = containerTroubles(pod);
    // One is told with the Pod itself.
    if (troubles.length > 1) for (const { message } of troubles) this.#say(depth, message ?? '');
    const causes = this.#events(pod, depth);
    const run = lastRun(pod);
    if (run && !this.log) {
      const [namespace, name] = [textAt(pod.metadata, 'namespace'), textAt(pod.metadata, 'name')];
      this.log = { namespace, pod: name, ...run, after: this.lines.length, depth };
    }
    return causes;
  }

  /** The last warning, and what it changes: new nodes on their way, or what a starting Pod waits for. */
  #events(object: KubeObject, depth: number): Health[] {
    const events = this.#relations.events(object);
    const warning = events.find((event) => event.warning);
    if (warning) this.#say(depth, eventText(warning));
    if (object.kind === 'PersistentVolumeClaim') {
      const waits = events.find(({ reason }) => reason === 'WaitForFirstConsumer');
      if (waits && !warning) this.#say(depth, eventText(waits));
    }
    if (object.kind !== 'Pod') return [];
    const health = this.#judge(object);
    const scaling = health.reason === 'Unschedulable' && events.find(bringsNode);
    if (scaling) this.#say(depth, eventText(scaling));
    const blocks = warning && health.status === 'progressing' && STARTING_EVENTS.has(warning.reason);
    return blocks ? [degraded(warning.reason, warning.message)] : [];
  }

  /** As alone, but for a Pod that waits for a node which is on its way. */
  #judge(object: KubeObject): Health {
    const health = judgeHealth(object, this.#options);
    const waits = health.reason === 'Unschedulable' && this.#relations.events(object).some(bringsNode);
    return waits ? asHint(health) : health;
  }

  #sentence({ status, reason, message }: Health): { head: string; text: string } {
    const head = `${status}, ${reason}`;
    // A Deployment and its ReplicaSet often say the same.
    if (!message || this.#said.has(message)) return { head, text: '' };
    this.#said.add(message);
    return { head: `${head}: `, text: message };
  }

  #say(depth: number, text: string, head?: string): void {
    this.lines.push({ depth, text, ...(head !== undefined && { head }) });
  }
}

// What cluster-autoscaler and Karpenter say of a Pod for which they bring a node.
const SCALING_EVENTS = new Set(['TriggeredScaleUp', 'Nominated']);
// What keeps a scheduled Pod in ContainerCreating.
const STARTING_EVENTS = new Set(['FailedMount', 'FailedAttachVolume', 'FailedCreatePodSandBox']);

function bringsNode({ reason }: SeenEvent): boolean {
  return SCALING_EVENTS.has(reason);
}

/** A failed Pod of a Job is tried again until the Job itself gives up. */
function endsWithJob(owner: KubeObject, cause: Health): boolean {
  return owner.kind === 'Job' && !/Image|^Unschedulable$/.test(cause.reason);
}

function asHint(cause: Health): Health {
  const { terminal: _, ...rest } = cause;
  return rest;
}

function weight({ status, terminal }: Health): number {
  return (terminal ? HEALTH_STATUSES.length : 0) + (HEALTH_STATUSES.length - HEALTH_STATUSES.indexOf(status));
}

function eventText({ reason, message, times }: SeenEvent): string {
  return `event ${word(reason, 'without reason')}${times > 1 ? ` (${times} times)` : ''}: ${message}`;
}

function nameOf(object: KubeObject): string {
  const namespace = textAt(object.metadata, 'namespace');
  return formatObject({
    ...parseApiVersion(object.apiVersion),
    kind: object.kind,
    name: textAt(object.metadata, 'name'),
    ...(namespace ? { namespace } : {}),
  });
}
