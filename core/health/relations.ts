import { dig } from '../model/json.ts';
import type { KubeObject } from '../model/object.ts';
import { groupOf, mapsAt, numberAt, textAt, timeAt } from './fields.ts';

/** What was seen of an object, from either Event API. */
export interface SeenEvent {
  reason: string;
  message: string;
  warning: boolean;
  /** How often. */
  times: number;
  /** The last time, in milliseconds since the epoch; 0 where it does not say. */
  at: number;
}

/** Live objects by who owns them, and Events by what they speak of. */
export class Relations {
  readonly #owned = new Map<string, KubeObject[]>();
  readonly #events = new Map<string, SeenEvent[]>();

  constructor(related: readonly KubeObject[]) {
    for (const object of related) {
      if (object.kind === 'Event') this.#addEvent(object);
      else this.#addOwned(object);
    }
  }

  #addOwned(object: KubeObject): void {
    const owners = mapsAt(object.metadata, 'ownerReferences');
    const owner = owners.find((reference) => reference.controller === true);
    const uid = textAt(owner, 'uid');
    if (uid) push(this.#owned, uid, object);
  }

  #addEvent(event: KubeObject): void {
    const about = dig(event, groupOf(event) === '' ? 'involvedObject' : 'regarding');
    const uid = textAt(about, 'uid');
    const times = Math.max(
      numberAt(event, 1, 'count'),
      numberAt(event, 1, 'deprecatedCount'),
      numberAt(event, 1, 'series', 'count'),
    );
    const ats = [
      timeAt(event, 'series', 'lastObservedTime'),
      timeAt(event, 'lastTimestamp'),
      timeAt(event, 'deprecatedLastTimestamp'),
      timeAt(event, 'eventTime'),
      timeAt(event, 'metadata', 'creationTimestamp'),
    ];
    push(this.#events, uid, {
      reason: textAt(event, 'reason'),
      message: textAt(event, 'message') || textAt(event, 'note'),
      warning: textAt(event, 'type') === 'Warning',
      times,
      at: ats.find((at) => at !== undefined) ?? 0,
    });
  }

  /** What the object controls, of one kind. */
  owned(object: KubeObject, kind: string): KubeObject[] {
    const all = this.#owned.get(uidOf(object)) ?? [];
    return all.filter((candidate) => candidate.kind === kind);
  }

  /** Events about the object, the latest first. */
  events(object: KubeObject): SeenEvent[] {
    return (this.#events.get(uidOf(object)) ?? []).toSorted((a, b) => b.at - a.at);
  }
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function uidOf(object: KubeObject): string {
  // Never the key of events that name no object.
  return textAt(object.metadata, 'uid') || '-';
}

const REVISION = 'deployment.kubernetes.io/revision';

/** The ReplicaSet of a Deployment's newest revision; those of older ones say nothing of what is wanted now. */
export function newestReplicaSet(deployment: KubeObject, replicaSets: KubeObject[]): KubeObject | undefined {
  const revision = (object: KubeObject): number =>
    Number(textAt(object.metadata, 'annotations', REVISION)) || 0;
  const own = revision(deployment);
  const newest = replicaSets.toSorted((a, b) => revision(b) - revision(a))[0];
  // While they differ, the controller has not come to the newest revision yet.
  return newest && (own === 0 || revision(newest) === own) ? newest : undefined;
}

/** Whether a Pod is of an older revision of its StatefulSet or DaemonSet: the rollout may still take it away. */
export function isOldRevision(pod: KubeObject, owner: KubeObject): boolean {
  const differ = (label: string, wanted: string): boolean => {
    const own = textAt(pod.metadata, 'labels', label);
    return own !== '' && wanted !== '' && own !== wanted;
  };
  if (owner.kind === 'StatefulSet') {
    return differ('controller-revision-hash', textAt(owner.status, 'updateRevision'));
  }
  if (owner.kind !== 'DaemonSet') return false;
  const generation = textAt(owner.metadata, 'annotations', 'deprecated.daemonset.template.generation');
  return differ('pod-template-generation', generation);
}
