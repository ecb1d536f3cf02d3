import { dig } from '../model/json.ts';
import { formatObject, objectKey } from '../model/object.ts';
import { type Problem, ProblemError } from '../model/problem.ts';
import { isCrd } from '../plan/crd.ts';
import type { Step } from '../plan/plan.ts';
import { DEPENDS_ON, dependenciesOf, syncWaveOf } from './depends-on.ts';

/** When each object is written, and after which others. */
export interface Order {
  /** One after the other; the objects of a wave in parallel. */
  waves: Step[][];
  /** Without these an object can't be written: its Namespace, its kind's CRD, what it names in `depends-on`. */
  needs: ReadonlyMap<Step, readonly Step[]>;
  /** What an object names in `depends-on`. */
  named: ReadonlyMap<Step, readonly Step[]>;
  /** The sync wave in which each object is written; one that is needed earlier counts with those that need it. */
  syncWaves: ReadonlyMap<Step, number>;
}

// Kinds by what they need of each other, one wave after the other. Kinds of other groups come behind workloads:
// their operators may come with the set. Webhooks and policies come last: until then they stand in nobody's way.
const RANKS: readonly (readonly string[])[] = [
  ['/Namespace', 'apiextensions.k8s.io/CustomResourceDefinition'],
  [
    '/ServiceAccount',
    'rbac.authorization.k8s.io/ClusterRole',
    'rbac.authorization.k8s.io/Role',
    'scheduling.k8s.io/PriorityClass',
    'node.k8s.io/RuntimeClass',
  ],
  ['rbac.authorization.k8s.io/ClusterRoleBinding', 'rbac.authorization.k8s.io/RoleBinding'],
  ['/ConfigMap', '/Secret', '/ResourceQuota', '/LimitRange', 'networking.k8s.io/NetworkPolicy'],
  [
    'storage.k8s.io/StorageClass',
    'storage.k8s.io/CSIDriver',
    '/PersistentVolume',
    '/PersistentVolumeClaim',
    'policy/PodDisruptionBudget',
  ],
  [
    '/Service',
    '/Endpoints',
    'discovery.k8s.io/EndpointSlice',
    'networking.k8s.io/IngressClass',
    'networking.k8s.io/Ingress',
  ],
];
const WORKLOADS = RANKS.length;
const CUSTOM = WORKLOADS + 1;
const LATER: Record<string, number> = {
  'apiregistration.k8s.io/APIService': CUSTOM + 1,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': CUSTOM + 2,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': CUSTOM + 2,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': CUSTOM + 2,
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': CUSTOM + 2,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': CUSTOM + 3,
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': CUSTOM + 3,
};
const RANK_OF = new Map([
  ...RANKS.flatMap((kinds, rank) => kinds.map((kind) => [kind, rank] as const)),
  ...Object.entries(LATER),
]);

/** The place of a kind among the waves, from 0; deletes go the other way round. */
export function rankOf({ group, kind }: { group: string; kind: string }): number {
  const own = RANK_OF.get(`${group}/${kind}`);
  if (own !== undefined) return own;
  // Kubernetes' own groups have no dot, or end in k8s.io; those of Pods have none.
  return group.includes('.') && !group.endsWith('.k8s.io') ? CUSTOM : WORKLOADS;
}

/**
 * Puts objects in order: by `argocd.argoproj.io/sync-wave`, then by kind; whatever an object needs is written
 * before it, whatever its wave says. Throws ProblemError for circles, and for a `depends-on` that names something
 * outside the set.
 */
export function orderSteps(steps: readonly Step[]): Order {
  const problems: Problem[] = [];
  const { needs, named } = needsOf(steps, problems);
  const places = new Map<Step, Place>();
  const settle = (step: Step, trail: readonly Step[]): Place => {
    const known = places.get(step);
    if (known) return known;
    if (trail.includes(step)) {
      problems.push(circle([...trail.slice(trail.indexOf(step)), step]));
      return [0, 0, 0];
    }
    let place: Place = [syncWaveOf(step.manifest, problems), rankOf(step.change.id), 0];
    for (const needed of needs.get(step) ?? []) {
      const [wave, rank, depth] = settle(needed, [...trail, step]);
      place = latest(place, [wave, rank, depth + 1]);
    }
    places.set(step, place);
    return place;
  };
  for (const step of steps) settle(step, []);
  if (problems.length > 0) throw new ProblemError(...problems);
  const sorted = steps.toSorted((a, b) => compare(places.get(a)!, places.get(b)!));
  const waves = Map.groupBy(sorted, (step) => places.get(step)!.join());
  const syncWaves = new Map(steps.map((step) => [step, places.get(step)![0]]));
  return { waves: [...waves.values()], needs, named, syncWaves };
}

/** Sync wave, kind's rank, and how many objects of that rank have to come first. */
type Place = readonly [wave: number, rank: number, depth: number];

function compare(a: Place, b: Place): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

function latest(a: Place, b: Place): Place {
  return compare(a, b) < 0 ? b : a;
}

function needsOf(
  steps: readonly Step[],
  problems: Problem[],
): { needs: Map<Step, Step[]>; named: Map<Step, Step[]> } {
  const byKey = new Map(steps.map((step) => [objectKey(step.change.id), step]));
  const definitions = new Map(
    steps
      .filter(({ change }) => isCrd(change.id))
      .map((step) => {
        const { object } = step.manifest;
        return [`${dig(object, 'spec', 'group')}/${dig(object, 'spec', 'names', 'kind')}`, step];
      }),
  );
  const needs = new Map<Step, Step[]>();
  const named = new Map<Step, Step[]>();
  for (const step of steps) {
    const { id } = step.change;
    const namespace =
      id.namespace && byKey.get(objectKey({ group: '', kind: 'Namespace', name: id.namespace }));
    const needed = [namespace, definitions.get(`${id.group}/${id.kind}`)].filter((one) => !!one);
    const depended: Step[] = [];
    for (const { key, text } of dependenciesOf(step.manifest, problems)) {
      const target = byKey.get(key);
      if (target) depended.push(target);
      else problems.push(missing(step, text));
    }
    if (depended.length > 0) named.set(step, depended);
    if (needed.length + depended.length > 0) needs.set(step, [...needed, ...depended]);
  }
  return { needs, named };
}

function missing({ manifest, change }: Step, text: string): Problem {
  return {
    code: 'DependsOn',
    message: `${formatObject(change.id)} depends on ${text}, which is not in the set`,
    ...manifest.source,
    hint: `${DEPENDS_ON} orders the objects of one run`,
  };
}

function circle(trail: readonly Step[]): Problem {
  const named = trail.map(({ change }) => formatObject(change.id)).join(' → ');
  const message = `the objects wait for each other: ${named}`;
  return { code: 'DependencyCycle', message, ...trail[0]!.manifest.source };
}
