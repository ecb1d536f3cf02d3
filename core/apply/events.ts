import { createHash } from 'node:crypto';
import { type ApplySetId, isHeldBack, type Outcome } from '../model/apply.ts';
import type { ApiFailure, Cluster, Discovery } from '../model/cluster.ts';
import { dig } from '../model/json.ts';
import { formatObject, type KubeObject } from '../model/object.ts';
import type { SetStatus } from '../model/record.ts';
import { boundedNames } from './record-text.ts';

/** What a run says as a Kubernetes Event on the parent of its set. */
export interface SetEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

const COMPONENT = 'gitlab-agent';
/** What `kubectl describe` shows of an Event is bounded by the API at 1,024. */
const MAX_MESSAGE = 1000;

/** A few sentences for a whole run, however many objects it has. */
export function eventsOf(status: SetStatus, outcomes: readonly Outcome[]): SetEvent[] {
  const { state, reason, observed } = status;
  const revision = observed?.revision === undefined ? '' : ` at ${observed.revision.slice(0, 12)}`;
  const events: SetEvent[] = [
    state === 'Planned'
      ? { type: 'Normal', reason, message: `not synced${revision}: ${status.message}` }
      : state === 'Synced'
        ? { type: 'Normal', reason: 'Synced', message: `synced${revision}: ${status.message}` }
        : { type: 'Warning', reason, message: `not synced${revision}: ${status.message}` },
  ];
  const pruned = outcomes.filter(({ result }) => result === 'pruned');
  if (pruned.length > 0) events.push({ type: 'Normal', reason: 'Pruned', message: named('deleted', pruned) });
  const held = outcomes.filter((outcome) => isHeldBack(outcome) && outcome.change.action === 'delete');
  if (held.length > 0 && reason !== 'PruneBlocked')
    events.push({ type: 'Warning', reason: 'PruneBlocked', message: named('not deleted', held) });
  return events;
}

/** What is said when the health of a set becomes known. */
export function healthEvents(
  before: SetStatus | undefined,
  { healthy, applied, unhealthy }: SetStatus,
): SetEvent[] {
  const [first] = unhealthy ?? [];
  if (first) {
    const message = `${first.object} is not healthy: ${first.reason}: ${first.message}`;
    return [{ type: 'Warning', reason: 'NotHealthy', message }];
  }
  if (!healthy || (before?.healthy?.at === healthy.at && !before.unhealthy)) return [];
  const revision = applied?.revision === undefined ? '' : ` at ${applied.revision.slice(0, 12)}`;
  return [{ type: 'Normal', reason: 'Healthy', message: `every object is healthy${revision}` }];
}

function named(what: string, outcomes: readonly Outcome[]): string {
  const { kept, more } = boundedNames(outcomes.map(({ change }) => formatObject(change.id)));
  return `${outcomes.length} ${what}: ${kept.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/**
 * Writes Events (core/v1, which the roles `edit` and `admin` may write) on the parent. One that says the same as an
 * earlier one counts it up instead. Returns why one could not be written; the others are not tried then.
 */
export async function writeEvents(
  cluster: Cluster,
  discovery: Discovery,
  { set, live }: { set: Pick<ApplySetId, 'namespace' | 'name'>; live?: { uid: string } | undefined },
  events: readonly SetEvent[],
  now: string,
): Promise<ApiFailure | undefined> {
  const resource = discovery.resources.find(
    ({ group, version, kind }) => group === '' && version === 'v1' && kind === 'Event',
  );
  if (!resource || !live) return undefined;
  // Events have seconds.
  const time = now.replace(/\.\d+Z$/, 'Z');
  for (const event of events) {
    const message = event.message.slice(0, MAX_MESSAGE);
    const said = createHash('sha256').update(`${live.uid}\n${event.reason}\n${message}`).digest('hex');
    // A name has room for 253 characters, and the parent's may have as many.
    const name = `${set.name.slice(0, 200).replace(/[.-]+$/, '')}.${said.slice(0, 16)}`;
    const ref = { resource, namespace: set.namespace, name };
    const earlier = await cluster.get(ref);
    const first = earlier.ok ? dig(earlier.value, 'firstTimestamp') : undefined;
    const count = earlier.ok ? Number(dig(earlier.value, 'count') ?? 0) : 0;
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace: set.namespace },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        namespace: set.namespace,
        name: set.name,
        uid: live.uid,
      },
      type: event.type,
      reason: event.reason,
      message,
      source: { component: COMPONENT },
      reportingComponent: COMPONENT,
      firstTimestamp: typeof first === 'string' ? first : time,
      lastTimestamp: time,
      count: count + 1,
    };
    const answer = await cluster.apply(ref, object, { dryRun: false });
    if (!answer.ok) return answer.failure;
  }
  return undefined;
}
