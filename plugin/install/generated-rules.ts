import { groupKind } from '../../core/apply/apply-set.ts';
import { kinPlaces } from '../../core/health/kin.ts';
import type { Discovery, Resource } from '../../core/model/cluster.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { formatObject } from '../../core/model/object.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import { definedKinds, kindKey } from '../../core/plan/crd.ts';
import type { PlacedRules, PolicyRule } from './settings.ts';

/** Where a set already has members in the cluster: they are to be found and may have to be deleted. */
export interface Held {
  groupKinds: ReadonlySet<string>;
  namespaces: ReadonlySet<string>;
}

/** The manifests of one set, and the namespace of those that name none. */
export interface Wanted {
  manifests: readonly Manifest[];
  defaultNamespace: string;
}

const WRITE = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
const READ = ['get', 'list', 'watch'];
/** Whose replicas an autoscaler may set: the plan has to know of it. */
const SCALABLE = new Set(['Deployment.apps', 'StatefulSet.apps', 'ReplicaSet.apps']);
const AUTOSCALERS = { group: 'autoscaling', plural: 'horizontalpodautoscalers' };

/**
 * The rules that manifests need: everything with the resources that they are of, where they are; reading of what
 * tells how they are (Pods, ReplicaSets, Jobs, Events, logs). `held`: what is there already and may have left the
 * manifests; `own`: the namespace of the agent. Throws ProblemError for kinds that are neither served nor defined.
 */
export function generatedRules(
  wanted: readonly Wanted[],
  held: readonly Held[],
  discovery: Discovery,
  own: string,
): PlacedRules {
  const rules = new Rules();
  const served = new Map(discovery.resources.map((resource) => [kindKey(resource), resource]));
  const defined = definedKinds(wanted.flatMap(({ manifests }) => manifests));
  const problems: Problem[] = [];
  for (const { manifests, defaultNamespace } of wanted) {
    const places = new Set([own]);
    const kinds = new Set<Resource>();
    for (const { id, source } of manifests) {
      const resource = served.get(kindKey(id)) ?? defined.get(kindKey(id))?.resource;
      if (!resource) {
        const message = `${formatObject(id)}: neither does the cluster serve this kind nor do the manifests define it`;
        problems.push({ code: 'KindNotServed', message, ...source });
        continue;
      }
      const place = resource.namespaced ? (id.namespace ?? defaultNamespace) : '';
      rules.write(place, resource);
      if (!resource.namespaced) continue;
      addKin(rules, place, resource, discovery);
      places.add(place);
      kinds.add(resource);
    }
    // Members of a set are looked for by each of its kinds in each of its namespaces and in that of its parent.
    for (const place of places) for (const kind of kinds) rules.add(place, kind, ['list']);
  }
  if (problems.length > 0) throw new ProblemError(...problems);
  for (const { groupKinds, namespaces } of held)
    for (const resource of discovery.resources.filter((one) => groupKinds.has(groupKind(one)))) {
      for (const place of resource.namespaced ? namespaces.difference(new Set([own])) : [''])
        rules.write(place, resource);
      if (resource.namespaced) rules.add(own, resource, ['list']);
    }
  return rules.placed();
}

function addKin(rules: Rules, place: string, resource: Resource, discovery: Discovery): void {
  for (const { resource: kin } of kinPlaces(resource, place, discovery, true)) {
    rules.read(place, kin);
    if (kin.group === '' && kin.kind === 'Pod') rules.add(place, { group: '', plural: 'pods/log' }, ['get']);
  }
  if (SCALABLE.has(groupKind(resource))) rules.read(place, AUTOSCALERS);
}

type Named = Pick<Resource, 'group' | 'plural'>;

/** Verbs by place, group and resource. */
class Rules {
  readonly #places = new Map<string, Map<string, { group: string; plural: string; verbs: Set<string> }>>();

  write(place: string, resource: Named): void {
    this.add(place, resource, WRITE);
  }

  read(place: string, resource: Named): void {
    this.add(place, resource, READ);
  }

  add(place: string, { group, plural }: Named, verbs: readonly string[]): void {
    const here = this.#places.get(place) ?? new Map();
    this.#places.set(place, here);
    const key = `${group}\n${plural}`;
    const one = here.get(key) ?? { group, plural, verbs: new Set<string>() };
    here.set(key, one);
    for (const verb of verbs) one.verbs.add(verb);
  }

  /** One rule for all resources of a group with the same verbs; everything sorted. */
  placed(): PlacedRules {
    const placed = [...this.#places].map(([place, resources]): [string, PolicyRule[]] => {
      const groups = Map.groupBy(
        resources.values(),
        ({ group, verbs }) => `${group}\n${[...verbs].sort().join()}`,
      );
      const rules = [...groups.values()].map((same) => ({
        apiGroups: [same[0]!.group],
        resources: same.map(({ plural }) => plural).sort(),
        verbs: WRITE.filter((verb) => same[0]!.verbs.has(verb)),
      }));
      const key = ({ apiGroups, resources: names }: PolicyRule): string => `${apiGroups[0]}\n${names[0]}`;
      return [place, rules.sort((a, b) => (key(a) < key(b) ? -1 : 1))];
    });
    return new Map(placed.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
