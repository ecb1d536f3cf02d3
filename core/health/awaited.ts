import type { Resource } from '../model/cluster.ts';
import type { Health, ObjectHealth, StoryLine } from '../model/health.ts';
import { isWell } from '../model/health.ts';
import { isOlderVersion, type KubeObject, type ObjectId } from '../model/object.ts';
import type { Place, PlaceState } from './follower.ts';
import { judgeHealth } from './judge.ts';
import type { Relations } from './relations.ts';
import { type Story, tellStory } from './story.ts';
import { progressing, verdict } from './verdict.ts';

/** An object that is waited for. */
export interface Awaited {
  id: ObjectId;
  resource: Resource;
  /** As it was written: what is older says nothing of it. Absent for what is as it was. */
  resourceVersion?: string;
}

/** What is known of it so far. */
export interface Sight {
  awaited: Awaited;
  place: Place;
  /** As it was seen last. */
  object?: KubeObject | undefined;
  /** It ended well, and its own clean-up has taken it away. */
  kept?: Health;
}

/** What is known beside the object. */
export interface Surroundings {
  now: Date;
  /** Of the object's place, and up to which resourceVersion it was told. */
  state: PlaceState | undefined;
  version: string | undefined;
  kin: Relations;
}

/** A verdict, and what may still be added to its story. */
export interface Sentence extends ObjectHealth {
  log?: Story['log'];
  /** Whether the object was looked at, or never can be. */
  known: boolean;
  /** Nobody lets us see it become well. */
  refused?: true;
}

// Built-in kinds without a status, or with none that speaks of health: they are as they were written.
const WITHOUT_STATUS = new Set([
  '/ConfigMap',
  '/Endpoints',
  '/Event',
  '/LimitRange',
  '/Secret',
  '/ServiceAccount',
  'admissionregistration.k8s.io/MutatingWebhookConfiguration',
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'coordination.k8s.io/Lease',
  'discovery.k8s.io/EndpointSlice',
  'networking.k8s.io/IngressClass',
  'networking.k8s.io/NetworkPolicy',
  'node.k8s.io/RuntimeClass',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'rbac.authorization.k8s.io/Role',
  'rbac.authorization.k8s.io/RoleBinding',
  'scheduling.k8s.io/PriorityClass',
  'storage.k8s.io/CSIDriver',
  'storage.k8s.io/StorageClass',
]);

/** Whether there is nothing to wait for in objects of a kind. */
export function hasNoStatus({ group, kind }: Pick<ObjectId, 'group' | 'kind'>): boolean {
  return WITHOUT_STATUS.has(`${group}/${kind}`);
}

/** Judges an object that is waited for by all that is known. */
export function passSentence(sight: Sight, around: Surroundings): Sentence {
  const { awaited, object, kept } = sight;
  const { id, resourceVersion: written } = awaited;
  if (kept) return { id, health: kept, known: true };
  const { state, version } = around;
  const refused = state?.status === 'refused' ? refusal(state) : undefined;
  const isPast = version !== undefined && !(written && isOlderVersion(version, written));
  if (object && (isPast || !(written && isOlderVersion(String(object.metadata.resourceVersion), written)))) {
    const judged = judgeWithStory(object, around);
    // What may not be watched will never be seen to become well.
    if (refused && !isWell(judged.health.status)) return { id, health: refused, known: true, refused: true };
    return { id, ...judged, known: true };
  }
  if (refused) return { id, health: refused, known: true, refused: true };
  if (!object && isPast)
    return { id, health: verdict('missing', 'NotFound', 'it is not there any more'), known: true };
  const why = state?.status === 'failing' ? `: ${state.failure.message}` : '';
  return { id, health: progressing('NotObserved', `it has not been seen yet${why}`), known: false };
}

function judgeWithStory(
  object: KubeObject,
  { now, kin }: Surroundings,
): Pick<Sentence, 'health' | 'story' | 'log'> {
  const own = judgeHealth(object, { now });
  if (isWell(own.status)) return { health: own };
  const { lines, cause, log } = tellStory(object, kin, { now });
  // What is wrong deeper down says more than that replicas are missing; how far it has come is best said by itself.
  const health = cause.terminal || cause.status !== own.status ? cause : own;
  return { health, story: lines, ...(log && { log }) };
}

function refusal({ failure }: Extract<PlaceState, { status: 'refused' }>): Health {
  return verdict('unknown', failure.reason || 'Refused', `its health can't be watched: ${failure.message}`);
}

/** What is missing in a story because nobody let us look. */
export function unseen(states: readonly { place: Place; state: PlaceState | undefined }[]): StoryLine[] {
  return states.flatMap(({ place: { resource }, state }) =>
    state?.status === 'refused'
      ? [{ depth: 1, text: `${resource.plural} can't be seen: ${state.failure.message}` }]
      : [],
  );
}
